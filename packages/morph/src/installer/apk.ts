import type { InstalledPackage, Manager } from './manager.ts'

export const apk: Manager = {
  env: {},
  list: ['apk', 'info', '-v'],
  parseList,
  refresh: ['apk', 'update'],
  install: names => ['apk', 'add', '--no-progress', ...names],
  remove: names => ['apk', 'del', '--no-progress', ...names],
  okExitCodes: [],
  unknownName: /unable to select packages|no such package/i,
  deadRepository:
    /temporary error|network error|network connection aborted|IO ERROR|UNTRUSTED signature|BAD signature|DNS lookup error|No such file or directory.*APKINDEX/i,
}

/** Lines are `name-version-rN`. */
function parseList(text: string): InstalledPackage[] {
  return text.split('\n').flatMap(line => {
    const [, name, version] = /^([^\s]+)-([^\s-]+-r\d+)\s*$/.exec(line) ?? []
    return name === undefined || version === undefined ? [] : [{ name, version }]
  })
}
