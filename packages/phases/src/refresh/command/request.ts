import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { InstarError } from '@instar/contract/errors'
import { REFRESH_PHASES, parseRefreshPhase } from '@instar/contract/phases'
import type { RunOptions } from '../journal/records.ts'
import type { Values } from './arguments.ts'

const MIB = 1024 * 1024
/** Timers of Node count to 2^31 ms; what is longer is no limit that anybody waits for. */
const MAX_SECONDS = 2_000_000

/** What `instar refresh` was asked to do. */
export interface RefreshRequest {
  readonly options: RunOptions
  readonly plan: boolean
  readonly from?: string
  readonly resume: boolean
  readonly again: boolean
  readonly startNew: boolean
  readonly lockFile: string
  readonly keepDays: number
  readonly keepBytes: number
  readonly json: boolean
}

/** Options as they were written, checked and with their units; throws `usage.bad-argument` and `phase.unknown`. */
export function toRequest(values: Values, base: string): RefreshRequest {
  const from = text(values, 'from')
  const request: RefreshRequest = {
    options: toRunOptions(values, base),
    plan: flag(values, 'plan'),
    ...(from === undefined ? {} : { from }),
    resume: flag(values, 'resume'),
    again: flag(values, 'again'),
    startNew: flag(values, 'new'),
    lockFile: text(values, 'lockfile') ?? '',
    keepDays: count(values, 'keep-days'),
    keepBytes: count(values, 'keep-size') * MIB,
    json: flag(values, 'json'),
  }
  if (request.resume && from !== undefined) throw new InstarError('usage.bad-argument', '--resume and --from both say where to begin')
  if (request.again && !request.resume) throw new InstarError('usage.bad-argument', '--again belongs to --resume')
  if (request.lockFile === '') throw new InstarError('usage.bad-argument', '--lockfile needs the name of a file')
  return request
}

function toRunOptions(values: Values, base: string): RunOptions {
  const named = values['phase']
  const wanted = Array.isArray(named) ? named.map(parseRefreshPhase) : []
  const jobs = values['jobs'] === undefined ? availableParallelism() : count(values, 'jobs')
  if (jobs === 0) throw new InstarError('usage.bad-argument', '--jobs is at least 1')
  if (values['jobs'] !== undefined && !flag(values, 'parallel')) throw new InstarError('usage.bad-argument', '--jobs belongs to --parallel')
  const containment = text(values, 'containment')
  return {
    // Absolute, for a run that goes on after a reboot begins elsewhere.
    base: resolve(text(values, 'base') ?? base),
    phases: REFRESH_PHASES.filter(phase => wanted.length === 0 || wanted.includes(phase)),
    parallel: flag(values, 'parallel'),
    jobs,
    scriptTimeoutMs: milliseconds(values, 'script-timeout'),
    timeoutMs: milliseconds(values, 'timeout'),
    errorTimeoutMs: milliseconds(values, 'error-timeout'),
    killAfterMs: milliseconds(values, 'kill-after'),
    retries: count(values, 'retries'),
    reboot: flag(values, 'reboot'),
    rebootCommand: text(values, 'reboot-command') ?? null,
    maxReboots: count(values, 'max-reboots'),
    containment: containment === 'cgroup' || containment === 'proc' ? containment : 'auto',
  }
}

export function flag(values: Values, name: string): boolean {
  return values[name] === true
}

export function text(values: Values, name: string): string | undefined {
  const value = values[name]
  return typeof value === 'string' ? value : undefined
}

function count(values: Values, name: string): number {
  const value = text(values, name) ?? ''
  if (!/^\d{1,9}$/.test(value)) throw new InstarError('usage.bad-argument', `--${name} takes a whole number, not "${value}"`)
  return Number(value)
}

function milliseconds(values: Values, name: string): number {
  const value = text(values, name) ?? ''
  const seconds = Number(value)
  if (/^\d+(?:\.\d+)?$/.test(value) && seconds <= MAX_SECONDS) return seconds * 1000
  throw new InstarError('usage.bad-argument', `--${name} takes seconds, 0 to ${MAX_SECONDS}, not "${value}"`)
}
