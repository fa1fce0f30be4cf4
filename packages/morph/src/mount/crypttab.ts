/** An entry of /etc/crypttab (2-4 fields; `none` and `-` mean no key). */
export interface CrypttabEntry {
  readonly name: string
  readonly device: string
  readonly key?: string
  readonly options: readonly string[]
}

const MAX_LINES = 10_000

/** Reads a crypttab; lines with fewer than two fields are left out. Never throws. */
export function parseCrypttab(text: string): CrypttabEntry[] {
  return text.split('\n', MAX_LINES).flatMap(line => {
    const [name, device, key, options = ''] = line.split(/[ \t\r]+/).filter(field => field !== '')
    if (name === undefined || device === undefined || name.startsWith('#')) return []
    const hasKey = key !== undefined && !['none', '-', ''].includes(key)
    return [{ name, device: device.replaceAll('"', ''), ...(hasKey && { key }), options: options.split(',').filter(Boolean) }]
  })
}

/** A name that can be a device-mapper name on the minion: no folder, no hidden meaning, 127 bytes at most (DM_NAME_LEN). */
export function isMapperName(name: string): boolean {
  return /^[\w][\w.+:@#-]{0,126}$/.test(name) && name !== 'control'
}
