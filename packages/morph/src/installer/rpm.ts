import type { InstalledPackage } from './manager.ts'
import { parseTabbed } from './manager.ts'

/** What the managers of rpm packages share. */
export const rpm = {
  env: {},
  list: ['rpm', '-qa', '--qf', '%{NAME}\\t%{VERSION}-%{RELEASE}.%{ARCH}\\n'],
  parseList: (text: string): InstalledPackage[] => parseTabbed(text).filter(({ name }) => name !== 'gpg-pubkey'),
  filesOf: (names: readonly string[]): string[] => ['rpm', '-ql', ...names],
} as const
