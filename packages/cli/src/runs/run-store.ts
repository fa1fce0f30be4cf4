import { appendFile, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Run, ScriptRun, type InstarEvent } from '@instar/contract'
import { InstarError } from '@instar/contract/errors'
import { isAlive, makeFolder, namingFile, writeDurably } from '@instar/machine'

/** ENOENT: no folder can be made there, as below /proc; EEXIST: what is there is no folder. */
const UNWRITABLE: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOENT'])

/** More ids than these tell nobody which one was meant. */
const SHOWN_RUNS = 5

/**
 * The runs of this machine: a folder each under `<state>/runs/<id>`: `run.json`, `events.jsonl`, and in `scripts/` for each attempt
 * `<id>.json`, `<id>.stdout`, `<id>.stderr` and `<id>.payload`.
 */
export class RunStore {
  readonly #dir: string

  constructor(stateDir: string) {
    this.#dir = join(stateDir, 'runs')
  }

  folderOf(id: string): string {
    return join(this.#dir, id)
  }

  /** Throws `run.unwritable` where the state folder takes no files; a full disk is an error of the system as it is. */
  async save(run: Run): Promise<void> {
    const folder = this.folderOf(run.id)
    try {
      await makeFolder(join(folder, 'scripts'), 0o700)
      await writeDurably(join(folder, 'run.json'), `${JSON.stringify(run, null, 2)}\n`)
    } catch (cause) {
      const { code = '' } = cause as NodeJS.ErrnoException
      if (!UNWRITABLE.has(code)) throw cause
      throw new InstarError('run.unwritable', `the record of a run cannot be written to ${folder}`, { cause })
    }
  }

  /** All runs, the newest first. A folder that cannot be read as a run is left out: it was cut off before its first record. */
  async list(): Promise<Run[]> {
    const names = await readdir(this.#dir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
    const runs = await Promise.all(names.map(name => this.#load(name)))
    return runs.filter(run => run !== undefined).sort((a, b) => (a.started_at < b.started_at ? 1 : -1))
  }

  /** The run with this id or this unique beginning of one; `last` is the newest. */
  async find(name: string): Promise<Run> {
    const runs = await this.list()
    const found = name === 'last' ? runs.slice(0, 1) : runs.filter(({ id }) => id === name || id.startsWith(name))
    const exact = found.find(({ id }) => id === name)
    if (exact !== undefined) return exact
    if (found.length === 1) return found[0]!
    if (found.length === 0) throw new InstarError('run.unknown', `there is no run "${name}" among ${runs.length} in ${this.#dir}`)
    const shown = found.slice(0, SHOWN_RUNS).map(({ id }) => id)
    const more = found.length > shown.length ? ` and ${found.length - shown.length} older ones` : ''
    throw new InstarError('run.unknown', `"${name}" begins the ids of ${found.length} runs: ${shown.join(', ')}${more}`, {
      hint: 'Give more of the id, or "last" for the newest run of all.',
    })
  }

  /** Whether `find` would find any. */
  async has(name: string): Promise<boolean> {
    return (await this.list()).some(({ id }) => name === 'last' || id.startsWith(name))
  }

  async scriptRuns(runId: string): Promise<ScriptRun[]> {
    const folder = join(this.folderOf(runId), 'scripts')
    const names = (await readdir(folder).catch(() => [])).filter(name => name.endsWith('.json')).sort()
    return Promise.all(names.map(async name => ScriptRun.parse(JSON.parse(await readFile(join(folder, name), 'utf8')))))
  }

  async appendEvent(event: InstarEvent): Promise<void> {
    const file = join(this.folderOf(event.run_id), 'events.jsonl')
    await namingFile(file, () => appendFile(file, `${JSON.stringify(event)}\n`, { mode: 0o600 }))
  }

  async #load(name: string): Promise<Run | undefined> {
    const text = await readFile(join(this.#dir, name, 'run.json'), 'utf8').catch(() => undefined)
    if (text === undefined) return undefined
    const parsed = Run.safeParse(parseJson(text))
    if (!parsed.success) return undefined
    const run = parsed.data
    return run.state === 'running' && !isAlive(run.owner) ? { ...run, state: 'interrupted' } : run
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
