import type { EntryKind } from '../selinux/file-contexts.ts'
import type { InstalledPackage, PackageFile } from './manager.ts'
import { parseTabbed } from './manager.ts'

/** What the managers of rpm packages share. */
export const rpm = {
  env: {},
  list: ['rpm', '-qa', '--qf', '%{NAME}\\t%{VERSION}-%{RELEASE}.%{ARCH}\\n'],
  parseList: (text: string): InstalledPackage[] => parseTabbed(text).filter(({ name }) => name !== 'gpg-pubkey'),
  files: {
    list: (names: readonly string[]): string[] => ['rpm', '-q', '--qf', '[%{FILEMODES:perms}\\t%{FILENAMES}\\n]', ...names],
    parse: parseFiles,
  },
} as const

const KINDS: Readonly<Record<string, EntryKind>> = { '-': 'file', d: 'dir', l: 'link', b: 'block', c: 'char', s: 'socket', p: 'pipe' }

/** Lines are `drwxr-xr-x TAB PATH`. */
function parseFiles(text: string): PackageFile[] {
  return text.split('\n').flatMap(line => {
    const [perms = '', path = ''] = line.split('\t')
    const kind = KINDS[perms.charAt(0)]
    return kind === undefined || !path.startsWith('/') ? [] : [{ path, kind }]
  })
}
