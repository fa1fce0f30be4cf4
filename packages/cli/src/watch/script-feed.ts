import type { ExecutionScriptRun } from '@instar/contract/api'
import { createLineSplitter, printable } from '@instar/phases/text'
import { endOf } from '../runs/script-end.ts'
import type { Api } from '../service/api.ts'
import { statusOf } from '../service/refusal.ts'
import { followOutput, isAtWork, readScriptRun, type OutputOf } from './output-stream.ts'

const MARKS = { stdout: '    | ', stderr: '    ! ' } as const

/** Scripts whose output is followed at once; what more run are shown when they have ended. */
const MAX_FOLLOWED = 16

export interface ScriptFeedOptions {
  /** The script runs so far. */
  readonly read: () => Promise<readonly ExecutionScriptRun[]>
  /** Ends what is followed. */
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}

/** Tells scripts and their output line by line as they come, each byte once; also when the connection or the service was away. */
export class ScriptFeed {
  readonly #api: Api
  readonly #options: ScriptFeedOptions
  readonly #shown = new Map<string, Promise<void>>()
  #begun: readonly ExecutionScriptRun[] = []
  #followed = 0
  /** The script whose line was told last. */
  #last: string | undefined

  constructor(api: Api, options: ScriptFeedOptions) {
    this.#api = api
    this.#options = options
  }

  /** Looks what there is; resolves when all that has ended is shown whole. */
  async showEnded(): Promise<void> {
    const runs = await this.#options.read()
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
    this.#head(run)
    const showing = this.#follow(run).finally(() => (this.#followed -= 1))
    // Told to whoever waits for its end; until then it is nobody's.
    showing.catch(() => undefined)
    this.#shown.set(run.id, showing)
    return showing
  }

  /** Scripts of several machines print at once: whose lines come now. */
  #head(run: ExecutionScriptRun): void {
    if (this.#last !== run.id) this.#options.say(`  > ${nameOf(run)}`)
    this.#last = run.id
  }

  async #follow(run: ExecutionScriptRun): Promise<void> {
    // What has ended is read one stream after the other; what runs, as it comes.
    if (isAtWork(run)) await Promise.all([this.#copy({ run, stream: 'stdout' }), this.#copy({ run, stream: 'stderr' })])
    else for (const stream of ['stdout', 'stderr'] as const) if (run[`${stream}_bytes`] > 0) await this.#copy({ run, stream })
    const last = isAtWork(run) ? await readScriptRun(this.#api, run.id) : run
    this.#options.say(`  ${last.exit_code === 0 ? '✓' : '✗'} ${nameOf(last)}: ${endOf(last)}`)
  }

  async #copy({ run, stream }: OutputOf): Promise<void> {
    const lines = createLineSplitter()
    const decoder = new TextDecoder()
    const tell = (line: string) => {
      this.#head(run)
      this.#options.say(`${MARKS[stream]}${printable(line)}`)
    }
    for await (const piece of followOutput(this.#api, { run, stream }, this.#options.signal)) {
      lines.take(decoder.decode(piece, { stream: true })).forEach(tell)
    }
    ;[...lines.take(decoder.decode()), ...lines.end()].forEach(tell)
  }
}

/** The records of a run's scripts; none where the service is a Coriolis, which keeps none. */
export async function readScriptRuns(api: Api, path: string): Promise<readonly ExecutionScriptRun[]> {
  return (await findScriptRuns(api, path)) ?? []
}

/** The same; undefined where there is nothing of this path. */
export async function findScriptRuns(api: Api, path: string): Promise<readonly ExecutionScriptRun[] | undefined> {
  try {
    return (await api.get<{ script_runs: ExecutionScriptRun[] }>(await api.ownPath(path))).script_runs
  } catch (error) {
    if (statusOf(error) === 404) return undefined
    throw error
  }
}

function nameOf(run: ExecutionScriptRun): string {
  const attempt = run.attempt > 1 ? `, attempt ${run.attempt}` : ''
  return `${printable(run.instance)}: ${run.phase} ${run.order}: ${printable(run.name)}${attempt}`
}
