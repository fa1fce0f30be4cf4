import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { HEAD_BYTES } from '../../run-parts/file-head.ts'
import { kindOfHead, type ProgramKind } from '../../run-parts/program-kind.ts'

/** What is known of a script's file when it starts. */
export interface ScriptFile {
  /** SHA-256 as hexadecimal digits; empty where the file may be executed but not read, or is none any more. */
  readonly sha256: string
  readonly kind: ProgramKind
}

/** A file that changed so shortly before it was read may change again without a new time: the clock of a file system has steps. */
const YOUNG_MS = 50

const UNREADABLE: ScriptFile = { sha256: '', kind: 'native' }

/** The files of a phase's scripts: while one runs the next is read, which is done again when it has changed since. */
export class ScriptFiles {
  readonly #next: ReadonlyMap<string, string>
  readonly #read = new Map<string, { readonly state: string; readonly file: ScriptFile }>()

  /** Paths in the order of the run. */
  constructor(paths: readonly string[]) {
    this.#next = new Map(paths.slice(1).map((path, index) => [paths[index]!, path]))
  }

  /** `undefined` of a file that is not there (any more). */
  look(path: string): ScriptFile | undefined {
    const state = stateOf(path)
    if (state === undefined) return undefined
    const read = this.#read.get(path)
    this.#read.delete(path)
    return read?.state === state ? read.file : readScript(path)
  }

  /** Reads the file of the script after this one. */
  readAhead(path: string): void {
    const next = this.#next.get(path)
    const state = next === undefined ? undefined : stateOf(next, YOUNG_MS)
    if (next !== undefined && state !== undefined) this.#read.set(next, { state, file: readScript(next) })
  }
}

/** Changes whenever the file does; `undefined` where there is none, or one that is younger than this. */
function stateOf(path: string, youngMs = 0): string | undefined {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path)
    return youngMs > 0 && Date.now() - ctimeMs < youngMs ? undefined : `${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`
  } catch {
    return undefined
  }
}

function readScript(path: string): ScriptFile {
  try {
    // To read from a FIFO would be to wait for a writer.
    if (!statSync(path).isFile()) return UNREADABLE
    const content = readFileSync(path)
    return { sha256: createHash('sha256').update(content).digest('hex'), kind: kindOfHead(content.toString('latin1', 0, HEAD_BYTES)) }
  } catch {
    return UNREADABLE
  }
}
