/** One attempt of one first-boot script, as the machine tells it: the fields of `ScriptRun` in `contract`, checked. */
export interface FirstBootRunRecord {
  readonly version: 1
  readonly id: string
  readonly run_id: string
  readonly phase: 'replica_first_boot'
  readonly source: 'global' | 'instance' | 'dir'
  readonly name: string
  readonly order: number
  readonly attempt: number
  readonly started_at: string
  readonly ended_at: string | null
  readonly exit_code: number | null
  readonly signal: string | null
  readonly timed_out: boolean
  readonly interrupted: boolean
  readonly stdout_bytes: number
  readonly stderr_bytes: number
  readonly payload_sha256: string
  readonly left_running: string[]
}

export interface FirstBootResult {
  readonly run: FirstBootRunRecord
  /** The last 4 KiB: stdout's last part, then stderr's. */
  readonly output: Buffer
  /** What the runner had to do without, and why a script did not run. */
  readonly notes: readonly string[]
}

/** The last line of a run. `aborted`: a script with `on_failure: abort` failed, or nothing could be put on record; `reason` says which. */
export interface FirstBootEnd {
  readonly run_id: string
  readonly state: 'complete' | 'aborted' | 'capped'
  readonly reason: string
  /** Scripts. What failed includes what was interrupted for the last time; what was skipped never started. */
  readonly succeeded: number
  readonly failed: number
  readonly skipped: number
  readonly boots: number
}

export type FirstBootItem =
  | { readonly kind: 'result'; readonly result: FirstBootResult }
  | { readonly kind: 'end'; readonly end: FirstBootEnd }

const MAX_TEXT_CHARS = 8 * 1024
const MAX_LIST = 100
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
const SOURCES = ['global', 'instance', 'dir'] as const
const STATES = ['complete', 'aborted', 'capped'] as const

/** What one JSON text of the runner says; `undefined` when any part of it is not as the runner writes it. */
export function parseFirstBootItem(json: string): FirstBootItem | undefined {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value !== 'object' || value === null) return undefined
    const fields = new Fields(value)
    return fields.has('state') ? { kind: 'end', end: endOf(fields) } : { kind: 'result', result: resultOf(fields) }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function endOf(fields: Fields): FirstBootEnd {
  fields.oneOf('version', [1])
  return {
    run_id: fields.text('run_id'),
    state: fields.oneOf('state', STATES),
    reason: fields.text('reason'),
    succeeded: fields.count('succeeded'),
    failed: fields.count('failed'),
    skipped: fields.count('skipped'),
    boots: fields.count('boots'),
  }
}

function resultOf(fields: Fields): FirstBootResult {
  const run: FirstBootRunRecord = {
    version: fields.oneOf('version', [1]),
    id: fields.text('id'),
    run_id: fields.text('run_id'),
    phase: fields.oneOf('phase', ['replica_first_boot']),
    source: fields.oneOf('source', SOURCES),
    name: fields.text('name'),
    order: fields.count('order'),
    attempt: fields.count('attempt'),
    started_at: fields.text('started_at', TIME),
    ended_at: fields.orNull('ended_at', key => fields.text(key, TIME)),
    exit_code: fields.orNull('exit_code', key => fields.count(key)),
    signal: fields.orNull('signal', key => fields.text(key, /^SIG[A-Z0-9+-]+$/)),
    timed_out: fields.flag('timed_out'),
    interrupted: fields.flag('interrupted'),
    stdout_bytes: fields.count('stdout_bytes'),
    stderr_bytes: fields.count('stderr_bytes'),
    payload_sha256: fields.text('payload_sha256', /^[0-9a-f]{64}$/),
    left_running: fields.texts('left_running'),
  }
  return { run, output: Buffer.from(fields.text('output_base64', BASE64), 'base64'), notes: fields.texts('notes') }
}

/** Reads fields of an object that anybody may have written; anything unexpected is a SyntaxError. */
class Fields {
  readonly #values: Map<string, unknown>

  constructor(value: object) {
    this.#values = new Map(Object.entries(value))
  }

  has(key: string): boolean {
    return this.#values.has(key)
  }

  text(key: string, pattern?: RegExp): string {
    return checkedText(this.#values.get(key), key, pattern)
  }

  texts(key: string): string[] {
    const value = this.#values.get(key)
    if (!Array.isArray(value) || value.length > MAX_LIST) throw new SyntaxError(`${key} is no list`)
    return value.map(each => checkedText(each, key))
  }

  count(key: string): number {
    const value = this.#values.get(key)
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new SyntaxError(`${key} is no count`)
    return value
  }

  flag(key: string): boolean {
    return this.oneOf(key, [true, false])
  }

  oneOf<const T>(key: string, allowed: readonly T[]): T {
    const found = allowed.find(each => each === this.#values.get(key))
    if (found === undefined) throw new SyntaxError(`${key} has another value`)
    return found
  }

  orNull<T>(key: string, read: (key: string) => T): T | null {
    return this.#values.get(key) === null ? null : read(key)
  }
}

function checkedText(value: unknown, key: string, pattern?: RegExp): string {
  if (typeof value !== 'string' || value.length > MAX_TEXT_CHARS) throw new SyntaxError(`${key} is no text`)
  if (pattern !== undefined && !pattern.test(value)) throw new SyntaxError(`${key} is not as written`)
  return value
}
