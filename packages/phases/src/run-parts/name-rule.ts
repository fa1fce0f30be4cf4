import { spawnSync } from 'node:child_process'

/** The names that run: letters, digits, underscore, hyphen. */
const DEFAULT_RULE = /^[0-9A-Za-z_-]+$/

export type NameRule =
  | { readonly kind: 'matched'; readonly names: ReadonlySet<string> }
  | { readonly kind: 'invalid'; readonly reason: string }

/**
 * The names that a rule lets run. The rule of RUN_PARTS_REGEX is an extended expression of GNU grep and asked of grep itself, on bytes whatever
 * the locale; without one the default holds. Names with a newline never match.
 */
export function matchNames(names: readonly string[], regex: string | undefined, environment: NodeJS.ProcessEnv): NameRule {
  if (regex === undefined || regex === '') return { kind: 'matched', names: new Set(names.filter(name => DEFAULT_RULE.test(name))) }
  const lines = names.filter(name => !name.includes('\n'))
  const grep = spawnSync('grep', ['-a', '-E', '-e', regex], {
    input: lines.map(name => `${name}\n`).join(''),
    env: { ...environment, LC_ALL: 'C' },
    encoding: 'utf8',
    maxBuffer: Number.MAX_SAFE_INTEGER,
  })
  // A grep that refuses the expression may end before it has read its input, which is an error of its own (EPIPE) beside the status.
  if (grep.error && grep.status === null) return { kind: 'invalid', reason: `grep could not be started: ${grep.error.message}` }
  if (grep.status !== 0 && grep.status !== 1)
    return { kind: 'invalid', reason: grep.stderr.trim() || `grep ended with ${grep.status ?? grep.signal}` }
  return { kind: 'matched', names: new Set(grep.stdout.split('\n').slice(0, -1)) }
}
