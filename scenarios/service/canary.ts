import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'

const LOOK_MS = 40

/** A secret that must be found nowhere: looks for it, however it is written, in files, in texts, and in what this process starts. */
export class Canary {
  readonly secret: string
  readonly #spellings: readonly string[]
  readonly #seenIn = new Set<string>()
  #timer: NodeJS.Timeout | undefined

  constructor(secret: string) {
    this.secret = secret
    this.#spellings = spellingsOf(secret)
  }

  /** Whether the text holds it. */
  isIn(text: string): boolean {
    return this.#spellings.some(spelling => text.includes(spelling))
  }

  /** The files, also those below folders, that hold it. */
  filesIn(...places: readonly string[]): string[] {
    if (places.length === 0) return []
    const patterns = this.#spellings.flatMap(spelling => ['-e', spelling])
    try {
      const found = execFileSync('grep', ['-rlaF', '-D', 'skip', ...patterns, '--', ...places], { encoding: 'utf8', stdio: 'pipe' })
      return found.trim().split('\n')
    } catch (error) {
      // 1: nothing found. 2: a file went away under it, as those of a database do; what it found is still told.
      const { status, stdout } = error as { status?: number; stdout?: string }
      if (status !== 1 && status !== 2) throw error
      return (stdout ?? '').split('\n').filter(Boolean)
    }
  }

  /** Looks every 40 ms at command line and environment of all that this process started, until `processes` asks. */
  watchProcesses(): void {
    this.#timer = setInterval(() => {
      for (const pid of descendantsOf(process.pid)) {
        for (const file of ['cmdline', 'environ']) {
          const text = read(`/proc/${pid}/${file}`)
          if (this.isIn(text)) this.#seenIn.add(`${file} of ${read(`/proc/${pid}/comm`).trim()}`)
        }
      }
    }, LOOK_MS)
  }

  /** Where it was seen of the processes since `watchProcesses`. */
  processes(): string[] {
    clearInterval(this.#timer)
    return [...this.#seenIn]
  }
}

/** As it is, in hexadecimal, percent-encoded, and the part that each of the three alignments of base64 shares. */
function spellingsOf(secret: string): string[] {
  const base64 = [0, 1, 2].map(shift => {
    const encoded = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)]).toString('base64')
    return encoded.slice(shift === 0 ? 0 : 4, -4)
  })
  return [secret, encodeURIComponent(secret), Buffer.from(secret).toString('hex'), ...base64]
}

/** By the parent that each process tells; not every kernel lists children. */
function descendantsOf(root: number): string[] {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  const parents = pids.map(pid => ({ pid, parent: /\) \S (\d+) /.exec(read(`/proc/${pid}/stat`))?.[1] }))
  const childrenOf = (pid: string): string[] =>
    parents.filter(({ parent }) => parent === pid).flatMap(child => [child.pid, ...childrenOf(child.pid)])
  return childrenOf(String(root))
}

/** Empty for what has ended since. */
function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}
