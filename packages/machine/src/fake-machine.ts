import { setTimeout as sleep } from 'node:timers/promises'
import type { Machine, MachineDisk, RunOptions, RunResult, Survivor } from './machine.ts'

/** What a fake command does; absent fields mean success and silence. */
export interface FakeAnswer {
  readonly exitCode?: number
  readonly signal?: NodeJS.Signals
  readonly stdout?: string | Buffer
  readonly stderr?: string | Buffer
  readonly timedOut?: boolean
  readonly survivors?: readonly Survivor[]
  /** Waits this long before it ends, so that a test can cancel it. */
  readonly takesMs?: number
}

type FakeReply = FakeAnswer | ((argv: readonly string[], options: RunOptions) => FakeAnswer | Promise<FakeAnswer>)

/** A rule: the first words of the argv (or a predicate over it) and the answer. The first rule that fits wins. */
export type FakeRule = readonly [match: readonly string[] | ((argv: readonly string[]) => boolean), reply: FakeReply]

interface FakeMachineOptions {
  readonly rules?: readonly FakeRule[]
  readonly files?: Readonly<Record<string, string | Uint8Array>>
  readonly devices?: readonly string[]
  readonly isEmulated?: boolean
}

const TAIL_BYTES = 4096

/** A `Machine` for unit tests: answers by rules, keeps files in memory, and logs what it was asked. An argv without a rule throws. */
export class FakeMachine implements Machine {
  readonly name = 'fake'
  readonly isEmulated: boolean
  readonly devices: readonly string[]
  /** Every argv that was run, in order. */
  readonly commands: string[][] = []
  /** Every call in order as one line: `run …`, `write PATH`, `attach FILE`, `detach DEVICE`, `network on`, `dispose`. */
  readonly calls: string[] = []
  readonly files: Map<string, Buffer>
  readonly modes = new Map<string, number>()
  isNetworkOn = false
  isDisposed = false
  readonly #rules: FakeRule[]
  readonly #attached: string[] = []
  #kept: Survivor[] = []

  constructor(options: FakeMachineOptions = {}) {
    this.#rules = [...(options.rules ?? [])]
    this.files = new Map(Object.entries(options.files ?? {}).map(([path, content]) => [path, Buffer.from(content)]))
    this.devices = options.devices ?? []
    this.isEmulated = options.isEmulated ?? false
  }

  /** Adds a rule in front of the others. */
  on(match: FakeRule[0], reply: FakeReply): this {
    this.#rules.unshift([match, reply])
    return this
  }

  async run(argv: readonly string[], options: RunOptions): Promise<RunResult> {
    options.signal.throwIfAborted()
    this.commands.push([...argv])
    this.calls.push(`run ${argv.join(' ')}`)
    const startedAt = new Date()
    const answer = await this.#answer(argv, options)
    if (answer.takesMs !== undefined) await sleep(answer.takesMs, undefined, { signal: options.signal })
    const stdout = Buffer.from(answer.stdout ?? '')
    const stderr = Buffer.from(answer.stderr ?? '')
    if (stdout.length > 0) await options.onStdout?.(stdout)
    if (stderr.length > 0) await options.onStderr?.(stderr)
    const survivors = answer.survivors ?? []
    if (options.survivors === 'keep') this.#kept.push(...survivors)
    return {
      argv,
      exitCode: answer.signal === undefined ? (answer.exitCode ?? 0) : null,
      signal: answer.signal ?? null,
      timedOut: answer.timedOut ?? false,
      startedAt,
      endedAt: new Date(),
      stdoutTail: stdout.subarray(-TAIL_BYTES).toString(),
      stderrTail: stderr.subarray(-TAIL_BYTES).toString(),
      stdout: options.captureBytes === undefined ? Buffer.alloc(0) : stdout,
      stdoutBytes: stdout.length,
      stderrBytes: stderr.length,
      survivors,
    }
  }

  async #answer(argv: readonly string[], options: RunOptions): Promise<FakeAnswer> {
    const rule = this.#rules.find(([match]) =>
      typeof match === 'function' ? match(argv) : match.every((word, index) => argv[index] === word),
    )
    if (rule === undefined) throw new Error(`the fake machine has no rule for: ${argv.join(' ')}`)
    return typeof rule[1] === 'function' ? await rule[1](argv, options) : rule[1]
  }

  async attach(disk: MachineDisk, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted()
    this.calls.push(`attach ${disk.file}`)
    const device = `/dev/fake${this.devices.length + this.#attached.length}`
    this.#attached.push(device)
    return device
  }

  async detach(device: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    this.calls.push(`detach ${device}`)
  }

  async read(path: string, options: { signal: AbortSignal }): Promise<Buffer | undefined> {
    options.signal.throwIfAborted()
    return this.files.get(path)
  }

  async write(path: string, content: Uint8Array | string, options: { signal: AbortSignal; mode?: number }): Promise<void> {
    options.signal.throwIfAborted()
    this.calls.push(`write ${path}`)
    this.files.set(path, Buffer.from(content))
    this.modes.set(path, options.mode ?? 0o600)
  }

  async list(path: string, signal: AbortSignal): Promise<string[] | undefined> {
    signal.throwIfAborted()
    const prefix = path.endsWith('/') ? path : `${path}/`
    const inside = [...this.files.keys()].filter(file => file.startsWith(prefix))
    const names = new Set(inside.map(file => file.slice(prefix.length).split('/')[0]!))
    return names.size === 0 ? undefined : [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  async network(on: boolean, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    this.calls.push(`network ${on ? 'on' : 'off'}`)
    this.isNetworkOn = on
  }

  async endSurvivors(signal: AbortSignal): Promise<Survivor[]> {
    signal.throwIfAborted()
    const ended = this.#kept
    this.#kept = []
    return ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.calls.push('dispose')
    this.isDisposed = true
  }
}
