import type { EntryKind } from '../selinux/file-contexts.ts'

/** How one package manager is driven in the guest's root. All of it is data and pure text work; `run-packages.ts` runs it. */
export interface Manager {
  /** Added to the clean environment of every command. */
  readonly env: Readonly<Record<string, string>>
  /** Prints what is installed, for `parseList`. */
  readonly list: readonly string[]
  /** Name and version of each installed package from that output. */
  parseList(text: string): InstalledPackage[]
  /** Ends what an interrupted run left; only where the manager needs it. */
  readonly repair?: readonly string[]
  /** Fetches the repositories' indexes; absent where that alone would be a half upgrade. */
  readonly refresh?: readonly string[]
  install(names: readonly string[], options: InstallOptions): string[]
  remove(names: readonly string[]): string[]
  /** How the files of packages are listed; only where they may need SELinux labels. */
  readonly files?: { readonly list: (names: readonly string[]) => string[]; readonly parse: (text: string) => PackageFile[] }
  /** Exit codes of success beside 0. */
  readonly okExitCodes: readonly number[]
  /** What its output says when a name is in no repository. */
  readonly unknownName: RegExp
  /** What its output says when a repository is dead, unreachable or not to be trusted. */
  readonly deadRepository: RegExp
}

export interface InstallOptions {
  /** Keeps a new kernel from coming along: the guest was fitted for those it has. */
  readonly keepKernels: boolean
}

export interface PackageFile {
  readonly path: string
  readonly kind: EntryKind
}

export interface InstalledPackage {
  readonly name: string
  readonly version: string
}

/** `name TAB version` lines. */
export function parseTabbed(text: string): InstalledPackage[] {
  return text.split('\n').flatMap(line => {
    const [name, version] = line.split('\t')
    return name === undefined || version === undefined || name === '' ? [] : [{ name, version }]
  })
}
