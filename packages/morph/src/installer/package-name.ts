import { InstarError } from '@instar/contract'

/** Every manager's syntax, without a leading dash: a name can never be an option or hold a space. */
export const PACKAGE_NAME = /^[A-Za-z0-9][A-Za-z0-9+._:~=@/-]{0,200}$/

/** Refuses (`usage.bad-argument`) what no package manager could have. Ask before the work, not in its midst. */
export function requirePackageNames(names: readonly string[]): void {
  const wrong = names.find(name => !PACKAGE_NAME.test(name))
  if (wrong === undefined) return
  throw new InstarError('usage.bad-argument', `${JSON.stringify(wrong)} is no package name`, {
    hint: 'Give each package by itself, without blanks: --install NAME --install NAME.',
  })
}
