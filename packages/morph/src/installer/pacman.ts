import type { Manager } from './manager.ts'
import { parseTabbed } from './manager.ts'

/** Without a refresh: new indexes without an upgrade of all packages break an Arch system. */
export const pacman: Manager = {
  env: {},
  list: ['pacman', '-Q'],
  parseList: text => parseTabbed(text.replaceAll(' ', '\t')),
  install: names => ['pacman', '-S', '--noconfirm', '--noprogressbar', '--needed', ...names],
  remove: names => ['pacman', '-Rn', '--noconfirm', '--noprogressbar', ...names],
  okExitCodes: [],
  unknownName: /target not found/,
  deadRepository:
    /failed retrieving file|failed to (?:synchronize|retrieve)|invalid or corrupted (?:package|database)|unknown trust|database file for .* does not exist/,
}
