import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import type { RefreshIo } from './command/io.ts'
import { perform } from './command/perform.ts'
import type { RefreshRun } from './journal/records.ts'
import { RefreshStore } from './journal/store.ts'

// For tests: a base with scripts, a state folder and a lock of its own, and the real program run on them.

const MAIN = join(import.meta.dirname, 'main.ts')

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export class PhonyHost {
  readonly dir: string
  readonly base: string
  readonly store: RefreshStore

  /** `files`: contents by path below the base; what lies in a `NAME.d` other than environment.d gets a first line and may be executed. */
  constructor(t: TestContext, files: Readonly<Record<string, string>>) {
    this.dir = mkdtempSync(join(tmpdir(), 'instar-refresh-'))
    this.base = join(this.dir, 'base')
    this.store = new RefreshStore(join(this.dir, 'state'))
    t.after(() => rmSync(this.dir, { recursive: true, force: true, maxRetries: 3 }))
    mkdirSync(this.base)
    for (const [path, text] of Object.entries(files)) this.write(path, text)
  }

  write(path: string, text: string): void {
    const file = join(this.base, path)
    mkdirSync(dirname(file), { recursive: true })
    const isScript = !path.startsWith('environment.d/')
    writeFileSync(file, isScript && !text.startsWith('#!') ? `#!/bin/sh\n${text}\n` : text, { mode: isScript ? 0o755 : 0o644 })
  }

  /** Starts the program; `ended` resolves when it is gone. */
  start(words: readonly string[], variables: Readonly<Record<string, string>> = {}) {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...this.#words(words)], {
      env: { ...process.env, INSTAR_STATE_DIR: join(this.dir, 'state'), DIR: this.dir, ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const text = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (text.stdout += piece))
    child.stderr.setEncoding('utf8').on('data', (piece: string) => (text.stderr += piece))
    // `exit`, not `close`: a daemon may hold the streams.
    const ended = new Promise<Ended>(resolve =>
      child.once('exit', (code, signal) => setImmediate(() => resolve({ code, signal, ...text }))),
    )
    return { child, ended }
  }

  /** The same in this process, which is faster. */
  async run(...words: string[]): Promise<Ended> {
    return this.runWith({}, ...words)
  }

  async runWith(variables: Readonly<Record<string, string>>, ...words: string[]): Promise<Ended> {
    const text = { stdout: '', stderr: '' }
    const write = (piece: string | Uint8Array) => void (text.stdout += Buffer.from(piece as string).toString())
    const io: RefreshIo = {
      environment: { ...process.env, DIR: this.dir, ...variables },
      stateDir: join(this.dir, 'state'),
      signal: new AbortController().signal,
      now: () => new Date(),
      stdout: { write, writeBytes: async piece => write(piece), isTerminal: false },
      programFile: MAIN,
    }
    const code = await perform(this.#words(words), io, piece => (text.stderr += piece))
    return { code, signal: null, ...text }
  }

  #words(words: readonly string[]): readonly string[] {
    const isRun = !['log', 'show', 'install'].includes(words[0] ?? '')
    return isRun ? [...words, '--base', this.base, '--lockfile', join(this.dir, 'lock')] : words
  }

  latest(): RefreshRun {
    return this.store.find('last')
  }

  /** Names of the scripts of the latest run with how they ended: `10-a 0`. */
  ends(): string[] {
    return this.latest().scripts.map(({ name, exit_code, signal }) => `${name} ${signal ?? exit_code}`)
  }
}

/** Waits until something is so; a loaded machine has time, a failure says what was waited for. */
export async function until(what: string, isSo: () => boolean, limitMs = 20_000): Promise<void> {
  for (const deadline = Date.now() + limitMs; !isSo();) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
