import { moduleName } from './modules.ts'

/** Why a module is not loaded though it is there: "blacklist in /etc/modprobe.d/hardening.conf". By module name. */
export type ModuleBlocks = ReadonlyMap<string, string>

/** Reads `blacklist` and `install … /bin/false` lines of modprobe.d texts (by path) and the blocking words of a kernel command line. */
export function findBlocks(texts: Iterable<readonly [string, string]>, cmdline: readonly string[]): ModuleBlocks {
  const blocks = new Map<string, string>()
  for (const [path, text] of texts) {
    for (const line of text.split('\n')) {
      const [word, name, ...rest] = line.trim().split(/\s+/)
      if (name === undefined) continue
      if (word === 'blacklist') blocks.set(moduleName(name), `blacklist in ${path}`)
      if (word === 'install' && /^(\/usr)?\/s?bin\/(false|true)$/.test(rest[0] ?? ''))
        blocks.set(moduleName(name), `install ${rest[0]} in ${path}`)
    }
  }
  for (const token of cmdline) {
    const [, key, names] = /^(modprobe[.]blacklist|rd[.]driver[.]blacklist|module_blacklist)=(.*)$/.exec(token) ?? []
    for (const name of names?.split(',') ?? []) blocks.set(moduleName(name), `${key} on the kernel command line`)
  }
  return blocks
}
