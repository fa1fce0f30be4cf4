import type { ExecutionScriptRun } from '@instar/contract/api'
import { createLineSplitter, findKnown, printable } from '@instar/phases/text'
import type { Api } from '../service/api.ts'
import { readText } from '../service/http.ts'
import { endOf } from '../runs/show.ts'

type Stream = 'stdout' | 'stderr'
const MARKS = { stdout: '    | ', stderr: '    ! ' } as const

interface Shown {
  readonly bytes: Record<Stream, number>
  readonly lines: Record<Stream, ReturnType<typeof createLineSplitter>>
  ended: boolean
}

/** Tells scripts and their output line by line as they come, each byte once. */
export class ScriptFeed {
  readonly #api: Api
  readonly #path: string
  readonly #say: (line: string) => void
  readonly #shown = new Map<string, Shown>()

  /** `path`: the script runs of an execution or deployment, below Instar's own API. */
  constructor(api: Api, path: string, say: (line: string) => void) {
    this.#api = api
    this.#path = path
    this.#say = say
  }

  async look(): Promise<void> {
    for (const run of await readScriptRuns(this.#api, this.#path)) await this.#lookAt(run)
  }

  async #lookAt(run: ExecutionScriptRun): Promise<void> {
    const before = this.#shown.get(run.id)
    if (before?.ended === true) return
    if (before === undefined) this.#say(`  > ${nameOf(run)}`)
    const shown = before ?? {
      bytes: { stdout: 0, stderr: 0 },
      lines: { stdout: createLineSplitter(), stderr: createLineSplitter() },
      ended: false,
    }
    this.#shown.set(run.id, shown)
    for (const stream of ['stdout', 'stderr'] as const) await this.#read(run, shown, stream)
    if (run.ended_at === null) return
    shown.ended = true
    for (const stream of ['stdout', 'stderr'] as const) {
      for (const line of shown.lines[stream].end()) this.#say(`${MARKS[stream]}${printable(line)}`)
    }
    this.#say(`  ${run.exit_code === 0 ? '✓' : '✗'} ${nameOf(run)}: ${endOf(run)}`)
  }

  /** An ended script's record tells how much there is; of a running one it is asked. */
  async #read(run: ExecutionScriptRun, shown: Shown, stream: Stream): Promise<void> {
    const from = shown.bytes[stream]
    if (run.ended_at !== null && run[`${stream}_bytes`] <= from) return
    const text = await readOutput(this.#api, { id: run.id, stream, from })
    shown.bytes[stream] += Buffer.byteLength(text)
    for (const line of shown.lines[stream].take(text)) this.#say(`${MARKS[stream]}${printable(line)}`)
  }
}

/** The records of a run's scripts; none where the service is a Coriolis, which keeps none. */
export async function readScriptRuns(api: Api, path: string): Promise<readonly ExecutionScriptRun[]> {
  try {
    return (await api.get<{ script_runs: ExecutionScriptRun[] }>(await api.ownPath(path))).script_runs
  } catch (error) {
    const status = findKnown(error)?.details['status']
    if (status === 404) return []
    throw error
  }
}

async function readOutput(api: Api, { id, stream, from }: { id: string; stream: Stream; from: number }): Promise<string> {
  try {
    const path = await api.ownPath(`script-runs/${id}/output`)
    return await readText(await api.open('GET', path, { query: { stream }, headers: { range: `bytes=${from}-`, accept: '*/*' } }))
  } catch (error) {
    // Nothing new to read yet.
    if (findKnown(error)?.details['status'] === 416) return ''
    throw error
  }
}

function nameOf(run: ExecutionScriptRun): string {
  const attempt = run.attempt > 1 ? `, attempt ${run.attempt}` : ''
  return `${printable(run.instance)}: ${run.phase} ${run.order}: ${printable(run.name)}${attempt}`
}
