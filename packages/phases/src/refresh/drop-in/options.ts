import { pythonText } from './python-text.ts'

export const LOG_LEVELS = ['ERROR', 'WARN', 'CRITICAL', 'INFO', 'DEBUG'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface Options {
  readonly printBase: boolean
  readonly printPhases: boolean
  readonly logLevel: LogLevel
  readonly lockFile: string
  /** Seconds for the whole run; 0: no limit. */
  readonly timeout: number
}

export type Parsed =
  | { readonly kind: 'options'; readonly options: Options }
  | { readonly kind: 'help' }
  | { readonly kind: 'usage'; readonly message: string }

const DEFAULT_LOCK_FILE = '/var/run/os-refresh-config.lock'
/** The greatest time limit in seconds: 68 years; the original crashes beyond it. */
const MAX_TIMEOUT = 2_147_483_647

const FLAGS = ['--help', '--print-base', '--print-phases', '--log-level', '--lockfile', '--timeout'] as const
type Flag = (typeof FLAGS)[number]
const TAKES_VALUE: readonly Flag[] = ['--log-level', '--lockfile', '--timeout']

class UsageError extends Error {}

/** Reads the command line by the rules of Python's argparse, whose messages are part of the contract: a prefix of an option counts as the option. */
export function parseOptions(words: readonly string[]): Parsed {
  try {
    const end = words.indexOf('--')
    const isArgument = (at: number): boolean => end >= 0 && at > end
    return readWords(words.map((text, at) => (isArgument(at) ? { kind: 'other', text } : classify(text))))
  } catch (error) {
    if (error instanceof UsageError) return { kind: 'usage', message: error.message }
    throw error
  }
}

type Word =
  | { readonly kind: 'option'; readonly flag: Flag; readonly label: string; readonly value?: string }
  | { readonly kind: 'unknown' | 'other'; readonly text: string }

/** All words are looked at before any acts: an ambiguous one is an error even after --help. */
function classify(text: string): Word {
  if (!text.startsWith('-') || text === '-') return { kind: 'other', text }
  if (text === '-h') return { kind: 'option', flag: '--help', label: '-h/--help' }
  if (text.startsWith('-h')) return { kind: 'option', flag: '--help', label: '-h/--help', value: text.slice(2) }
  const [, name, value] = /^([^=]*)(?:=([\s\S]*))?$/.exec(text)!
  const matches = FLAGS.filter(flag => flag === name).concat(
    FLAGS.some(flag => flag === name) ? [] : FLAGS.filter(flag => flag.startsWith(name!)),
  )
  if (text.startsWith('--') && text !== '--' && matches.length > 1) {
    throw new UsageError(`ambiguous option: ${text} could match ${matches.join(', ')}`)
  }
  const [flag] = matches
  if (text.startsWith('--') && text !== '--' && flag) {
    return { kind: 'option', flag, label: flag === '--help' ? '-h/--help' : flag, ...(value === undefined ? {} : { value }) }
  }
  // What looks like a negative number, or holds a blank, is a value.
  return { kind: /^-\d+$|^-\d*\.\d+$/.test(text) || text.includes(' ') ? 'other' : 'unknown', text }
}

function readWords(words: readonly Word[]): Parsed {
  const values = new Map<Flag, string>()
  const extras: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    if (word.kind !== 'option') {
      extras.push(word.text)
      continue
    }
    if (!TAKES_VALUE.includes(word.flag)) {
      if (word.value !== undefined) throw new UsageError(`argument ${word.label}: ignored explicit argument ${pythonText(word.value)}`)
      if (word.flag === '--help') return { kind: 'help' }
      values.set(word.flag, '')
      continue
    }
    const next = words[at + 1]
    const value = word.value ?? (next?.kind === 'other' ? next.text : undefined)
    if (value === undefined) throw new UsageError(`argument ${word.flag}: expected one argument`)
    if (word.value === undefined) at++
    checkValue(word.flag, value)
    values.set(word.flag, value)
  }
  if (extras.length > 0) throw new UsageError(`unrecognized arguments: ${extras.join(' ')}`)
  return {
    kind: 'options',
    options: {
      printBase: values.has('--print-base'),
      printPhases: values.has('--print-phases'),
      logLevel: LOG_LEVELS.find(level => level === values.get('--log-level')) ?? 'INFO',
      lockFile: values.get('--lockfile') ?? DEFAULT_LOCK_FILE,
      timeout: parseInteger(values.get('--timeout') ?? '0') ?? 0,
    },
  }
}

function checkValue(flag: Flag, value: string): void {
  if (flag === '--log-level' && !LOG_LEVELS.some(level => level === value)) {
    const choices = LOG_LEVELS.map(pythonText).join(', ')
    throw new UsageError(`argument --log-level: invalid choice: ${pythonText(value)} (choose from ${choices})`)
  }
  if (flag !== '--timeout') return
  const seconds = parseInteger(value)
  if (seconds === undefined) throw new UsageError(`argument --timeout: invalid int value: ${pythonText(value)}`)
  if (seconds < 0) throw new UsageError(`argument --timeout: negative value: ${pythonText(value)}`)
  if (seconds > MAX_TIMEOUT) throw new UsageError(`argument --timeout: value above ${MAX_TIMEOUT}: ${pythonText(value)}`)
}

/** As Python's int() reads it: blanks around it, a sign, `_` between digits. */
function parseInteger(text: string): number | undefined {
  const digits = /^[+-]?\d+(?:_\d+)*$/.exec(text.trim())
  return digits ? Number(digits[0].replaceAll('_', '')) : undefined
}
