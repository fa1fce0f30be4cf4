import { constants } from 'node:os'
import type { ScriptEnd } from './starter.ts'

/** One line of the driver's channel, understood. */
export type DriverLine =
  | { readonly kind: 'sourced' }
  | { readonly kind: 'ready' }
  /** A series asks for the date, or what starting the script that is next comes to. */
  | { readonly kind: 'asks-date' | 'asks-kind' }
  /** The shell cannot do its work here, and ends. */
  | { readonly kind: 'not-ready' }
  /** bash has said what it exports, in notes. */
  | { readonly kind: 'exported' }
  | { readonly kind: 'times'; readonly cpuMs: number }
  | {
      readonly kind: 'end'
      readonly code: number
      readonly startedAt: number | null
      readonly endedAt: number | null
      /** The small shell had a word about its death to say. */
      readonly hasDied: boolean
    }
  /** A script of a series that was removed before its turn. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'series-end'; readonly isStopped: boolean }
  | { readonly kind: 'note'; readonly text: string }

export function parseDriverLine(line: string): DriverLine {
  if (line === '@s') return { kind: 'sourced' }
  if (line === '@r') return { kind: 'ready' }
  if (line === '@c') return { kind: 'asks-date' }
  if (line === '@n') return { kind: 'not-ready' }
  if (line === '@k') return { kind: 'asks-kind' }
  if (line === '@b') return { kind: 'exported' }
  if (line === '@g') return { kind: 'gone' }
  if (line === '@d' || line === '@x') return { kind: 'series-end', isStopped: line === '@x' }
  const end = /^@e (\d+)(?: (died)| (\S*) (\S*))?$/.exec(line)
  if (end) {
    const [, code, died, startedAt = '', endedAt = ''] = end
    return {
      kind: 'end',
      code: Number(code),
      startedAt: milliseconds(startedAt),
      endedAt: milliseconds(endedAt),
      hasDied: died !== undefined,
    }
  }
  const times = /^(\d+)m(\d+)[.,](\d+)s (\d+)m(\d+)[.,](\d+)s$/.exec(line)
  if (times) return { kind: 'times', cpuMs: minutes(times.slice(1, 4)) + minutes(times.slice(4, 7)) }
  return { kind: 'note', text: line }
}

/** `$EPOCHREALTIME`, whose decimal point is the locale's; null where bash has no such variable (before 5.0) or a file has unset it. */
function milliseconds(text: string): number | null {
  const seconds = Number(text.replace(',', '.'))
  return text !== '' && Number.isFinite(seconds) ? seconds * 1000 : null
}

function minutes([minutes, seconds, fraction]: readonly string[]): number {
  return Number(minutes) * 60_000 + Number(`${seconds}.${fraction}`) * 1000
}

/** Signals whose victims bash does not mention, so that 130 and 141 may be exit codes as well. */
const UNMENTIONED: readonly string[] = ['SIGINT', 'SIGPIPE']
/** Of two names of one number the common one, which comes first: SIGABRT, not SIGIOT. */
const NAMES = new Map(
  Object.entries(constants.signals)
    .map(([name, number]) => [number, name] as const)
    .toReversed(),
)
/** Those before it, 32 and 33, the C library keeps to itself. */
export const FIRST_REAL_TIME = 34
const LAST_REAL_TIME = 64

/** `SIGKILL` for 9, `SIGRTMIN+3` for 37; undefined for what is no signal of Linux. */
export function signalName(number: number): string | undefined {
  if (number >= FIRST_REAL_TIME && number <= LAST_REAL_TIME) return `SIGRTMIN+${number - FIRST_REAL_TIME}`
  return NAMES.get(number)
}

/**
 * Tells an exit code from a death by signal: a script that leaves by `exit 137` and one that was killed both give 137, but bash says "Killed"
 * (in the user's language) only of the second. Returns the notes without that line. `hasDied`: somebody saw it die.
 */
export function judgeEnd(
  code: number,
  notes: readonly string[],
  hasDied = false,
): Pick<ScriptEnd, 'exitCode' | 'signal' | 'isExact' | 'notes'> {
  const signal = signalName(code - 128)
  if (signal === undefined) return { exitCode: code, signal: null, isExact: true, notes }
  if (UNMENTIONED.includes(signal)) return { exitCode: code, signal: null, isExact: false, notes }
  if (hasDied) return { exitCode: null, signal, isExact: true, notes }
  const at = notes.findIndex(isObituary)
  if (at < 0) return { exitCode: code, signal: null, isExact: true, notes }
  return { exitCode: null, signal, isExact: true, notes: notes.toSpliced(at, 1) }
}

/** `NAME: line 9: 4711 Killed   "$1" ...`, or only `Killed` where the driver has a trap for the signal itself. A line of a trace is neither. */
function isObituary(note: string): boolean {
  return /: \S+ \d+: +\d+ /.test(note) || (!note.includes(':') && !note.startsWith('+'))
}
