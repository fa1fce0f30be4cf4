/** A line `key=value` of a file with [sections], as NetworkManager's keyfiles and systemd's units are. */
export interface IniLine {
  readonly section: string
  readonly key: string
  readonly value: string
  /** Its place among the lines of the text. */
  readonly line: number
}

/** The assignments of a file with sections, in order; the same key and section may come again. */
export function parseIni(text: string): IniLine[] {
  let section = ''
  return text.split('\n').flatMap((raw, line) => {
    const trimmed = raw.trim()
    const header = /^\[([^\]]*)\]$/.exec(trimmed)
    if (header !== null) section = header[1]!
    const at = trimmed.indexOf('=')
    if (header !== null || at <= 0 || /^[#;]/.test(trimmed)) return []
    return [{ section, key: trimmed.slice(0, at).trim(), value: trimmed.slice(at + 1).trim(), line }]
  })
}

/** The last value of a key; section and key as written. */
export function iniValue(lines: readonly IniLine[], section: string, key: string): string | undefined {
  return lines.findLast(line => line.section === section && line.key === key)?.value
}

/** All values of keys of a section that match. */
export function iniValues(lines: readonly IniLine[], section: string, key: RegExp): string[] {
  return lines.filter(line => line.section === section && key.test(line.key)).map(line => line.value)
}

/**
 * The text without the lines that `drop` names, and with these set: at the place of the section's last assignment of that key, else at the
 * end of the section, which is made where there is none. All else stays byte for byte.
 */
export function editIni(
  text: string,
  drop: (line: IniLine) => boolean,
  set: readonly { section: string; key: string; value: string }[],
): string {
  const dropped = new Set(
    parseIni(text)
      .filter(line => drop(line) || set.some(({ section, key }) => line.section === section && line.key === key))
      .map(line => line.line),
  )
  const kept = text.split('\n').filter((_, line) => !dropped.has(line))
  for (const { section, key, value } of set) insertInto(kept, section, `${key}=${value}`)
  return kept.join('\n')
}

function insertInto(lines: string[], section: string, line: string): void {
  const header = lines.findIndex(each => each.trim() === `[${section}]`)
  if (header < 0) {
    if (lines.at(-1)?.trim() === '') lines.pop()
    lines.push('', `[${section}]`, line, '')
    return
  }
  const next = lines.findIndex((each, at) => at > header && each.trim().startsWith('['))
  let end = next < 0 ? lines.length : next
  while (end - 1 > header && lines[end - 1]!.trim() === '') end--
  lines.splice(end, 0, line)
}
