import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionScriptRun } from '@instar/contract/api'
import { createLineSplitter, findKnown, printable } from '@instar/phases/text'
import { endOf } from '../runs/show.ts'
import type { Api } from '../service/api.ts'
import { isTransient, statusOf } from '../service/refusal.ts'

type Stream = 'stdout' | 'stderr'
const MARKS = { stdout: '    | ', stderr: '    ! ' } as const

/** Scripts whose output is followed at once; what more run are shown when they have ended. */
const MAX_FOLLOWED = 16
/** Before the output is asked for again after the connection was lost. */
const AGAIN_MS = 500

/** Tells scripts and their output line by line as they come, each byte once; also when the connection or the service was away. */
export class ScriptFeed {
  readonly #api: Api
  readonly #path: string
  readonly #signal: AbortSignal
  readonly #say: (line: string) => void
  readonly #shown = new Map<string, Promise<void>>()
  #begun: readonly ExecutionScriptRun[] = []
  #followed = 0

  /** `path`: the script runs of an execution or deployment, below Instar's own API. `signal` ends what is followed. */
  constructor(api: Api, { path, signal, say }: { path: string; signal: AbortSignal; say: (line: string) => void }) {
    this.#api = api
    this.#path = path
    this.#signal = signal
    this.#say = say
  }

  /** Looks what there is; resolves when all that has ended is shown whole. */
  async showEnded(): Promise<void> {
    const runs = await readScriptRuns(this.#api, this.#path)
    this.#begun = runs.filter(isAtWork)
    for (const run of runs) if (!isAtWork(run)) await this.#show(run)
  }

  /** Begins to follow what ran at that look. */
  showBegun(): void {
    for (const run of this.#begun) if (this.#followed < MAX_FOLLOWED) void this.#show(run)
  }

  #show(run: ExecutionScriptRun): Promise<void> {
    const known = this.#shown.get(run.id)
    if (known !== undefined) return known
    this.#followed += 1
    this.#say(`  > ${nameOf(run)}`)
    const showing = this.#follow(run).finally(() => (this.#followed -= 1))
    // Told to whoever waits for its end; until then it is nobody's.
    showing.catch(() => undefined)
    this.#shown.set(run.id, showing)
    return showing
  }

  async #follow(run: ExecutionScriptRun): Promise<void> {
    // What has ended is read one stream after the other; what runs, as it comes.
    if (isAtWork(run)) await Promise.all([this.#copy(run, 'stdout'), this.#copy(run, 'stderr')])
    else for (const stream of ['stdout', 'stderr'] as const) if (run[`${stream}_bytes`] > 0) await this.#copy(run, stream)
    const last = isAtWork(run) ? await this.#read(run) : run
    this.#say(`  ${last.exit_code === 0 ? '✓' : '✗'} ${nameOf(last)}: ${endOf(last)}`)
  }

  async #read({ id }: ExecutionScriptRun): Promise<ExecutionScriptRun> {
    return (await this.#api.get<{ script_run: ExecutionScriptRun }>(await this.#api.ownPath(`script-runs/${id}`))).script_run
  }

  /** One stream to its end, from where it broke off when it did. */
  async #copy(run: ExecutionScriptRun, stream: Stream): Promise<void> {
    const lines = createLineSplitter()
    const decoder = new TextDecoder()
    const tell = (all: readonly string[]) => all.forEach(line => this.#say(`${MARKS[stream]}${printable(line)}`))
    let from = 0
    for (;;) {
      try {
        for await (const piece of await this.#open(run, stream, from)) {
          from += piece.length
          tell(lines.take(decoder.decode(piece, { stream: true })))
        }
        if (!isAtWork(run) || !isAtWork(await this.#read(run))) break
      } catch (error) {
        if (this.#signal.aborted || !isLost(error)) throw error
      }
      await sleep(AGAIN_MS, undefined, { signal: this.#signal })
    }
    tell([...lines.take(decoder.decode()), ...lines.end()])
  }

  async #open({ id }: ExecutionScriptRun, stream: Stream, from: number): Promise<AsyncIterable<Buffer>> {
    const path = await this.#api.ownPath(`script-runs/${id}/output`)
    const headers = { accept: '*/*', ...(from > 0 ? { range: `bytes=${from}-` } : {}) }
    try {
      // No limit to its silence: a script may say nothing for an hour.
      return await this.#api.open('GET', path, { query: { stream, follow: true }, headers, timeoutMs: 0, signal: this.#signal })
    } catch (error) {
      // It ended without another word.
      if (statusOf(error) === 416) return new ReadableStream<Buffer>({ start: controller => controller.close() })
      throw error
    }
  }
}

function isAtWork({ ended_at, interrupted }: ExecutionScriptRun): boolean {
  return ended_at === null && !interrupted
}

/** Whether it was the connection or the service that broke off: `aborted` is what node:http says of an answer without its end. */
function isLost(error: unknown): boolean {
  const isCutOff = findKnown(error) === undefined && error instanceof Error && 'code' in error && error.code === 'ECONNRESET'
  return isCutOff || isTransient(error)
}

/** The records of a run's scripts; none where the service is a Coriolis, which keeps none. */
export async function readScriptRuns(api: Api, path: string): Promise<readonly ExecutionScriptRun[]> {
  try {
    return (await api.get<{ script_runs: ExecutionScriptRun[] }>(await api.ownPath(path))).script_runs
  } catch (error) {
    if (statusOf(error) === 404) return []
    throw error
  }
}

function nameOf(run: ExecutionScriptRun): string {
  const attempt = run.attempt > 1 ? `, attempt ${run.attempt}` : ''
  return `${printable(run.instance)}: ${run.phase} ${run.order}: ${printable(run.name)}${attempt}`
}
