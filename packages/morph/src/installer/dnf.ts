import type { Manager } from './manager.ts'
import { rpm } from './rpm.ts'

const OPTIONS = ['-y', '--setopt=timeout=20', '--setopt=retries=2', '--setopt=*.skip_if_unavailable=1']

/** dnf 4 and 5 differ in one option. */
function createDnf(program: 'dnf' | 'dnf5', keepOthers: string): Manager {
  return {
    ...rpm,
    refresh: [program, ...OPTIONS, 'makecache'],
    install: (names, { keepKernels }) => [
      program,
      ...OPTIONS,
      '--setopt=install_weak_deps=False',
      '--setopt=tsflags=nodocs',
      ...(keepKernels ? ['--exclude=kernel*'] : []),
      'install',
      ...names,
    ],
    remove: names => [program, '-y', 'remove', keepOthers, ...names],
    okExitCodes: [],
    unknownName: /No match for argument|Unable to find a match|No package .* available/,
    deadRepository:
      /Failed to download metadata|Cannot download|Could not resolve host|Curl error|All mirrors were (?:already )?tried|GPG check FAILED|no enabled repo|Status code: [45]\d\d/i,
  }
}

export const dnf = createDnf('dnf', '--noautoremove')
export const dnf5 = createDnf('dnf5', '--no-autoremove')
