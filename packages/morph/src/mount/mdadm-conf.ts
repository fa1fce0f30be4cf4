/** Arrays that an mdadm.conf names: node to uuid. `ARRAY /dev/md0 metadata=1.2 UUID=…`; a leading blank continues a line. */
export function parseArrays(text: string): Map<string, string> {
  const joined = text.slice(0, 262_144).replaceAll(/\n[ \t]+/g, ' ')
  const found = new Map<string, string>()
  for (const line of joined.split('\n')) {
    const [keyword = '', node = '', ...words] = line.split(/[ \t]+/)
    const uuid = words.map(word => /^uuid=(.+)$/i.exec(word)?.[1]).find(Boolean)
    if (/^array$/i.test(keyword) && uuid !== undefined) found.set(node, uuid)
  }
  return found
}
