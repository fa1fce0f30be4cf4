import { Buffer } from 'node:buffer'

/** A PE32+ file with the sections given, enough for `parsePe`. */
export function makePe(sections: Record<string, string | Uint8Array>, machine = 0x8664, isSigned = false): Buffer {
  const entries = Object.entries(sections).map(([name, content]) => ({ name, content: Buffer.from(content) }))
  const header = Buffer.alloc(0x400)
  header.write('MZ')
  header.writeUInt32LE(0x80, 0x3c)
  header.write('PE\0\0', 0x80)
  header.writeUInt16LE(machine, 0x84)
  header.writeUInt16LE(entries.length, 0x86)
  header.writeUInt16LE(240, 0x94)
  header.writeUInt16LE(0x20b, 0x98)
  if (isSigned) header.writeUInt32LE(8, 0x98 + 112 + 36)
  let at = header.length
  for (const [index, { name, content }] of entries.entries()) {
    const place = 0x98 + 240 + 40 * index
    header.write(name, place)
    header.writeUInt32LE(content.length, place + 8)
    header.writeUInt32LE(content.length, place + 16)
    header.writeUInt32LE(at, place + 20)
    at += content.length
  }
  return Buffer.concat([header, ...entries.map(entry => entry.content)])
}
