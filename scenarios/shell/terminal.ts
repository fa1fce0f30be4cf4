import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const MAIN = join(import.meta.dirname, '../../packages/cli/src/main.ts')
const WAIT_MS = 60_000

/** The command line on a terminal of its own, which script(1) makes; we type and read. */
export class Terminal {
  readonly #child: ChildProcess
  readonly ended: Promise<number | null>
  #shown = ''
  #read = 0

  constructor(argv: readonly string[], env: NodeJS.ProcessEnv, size = { rows: 30, columns: 97 }) {
    const line = `tty; stty rows ${size.rows} cols ${size.columns}; exec ${[process.execPath, '--disable-warning=ExperimentalWarning', MAIN, ...argv].map(word => `'${word}'`).join(' ')}`
    this.#child = spawn('script', ['-q', '-f', '-e', '-c', line, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#shown += text))
    this.ended = once(this.#child, 'close').then(([code]) => code as number | null)
  }

  /** All that was shown so far. */
  get shown(): string {
    return this.#shown
  }

  type(text: string): void {
    this.#child.stdin?.write(text)
  }

  /** What fits, in what was shown since the last time. */
  async sees(pattern: RegExp): Promise<RegExpExecArray> {
    const until = performance.now() + WAIT_MS
    for (;;) {
      const found = pattern.exec(this.#shown.slice(this.#read))
      if (found !== null) {
        this.#read += found.index + found[0].length
        return found
      }
      assert.ok(performance.now() < until, `${pattern} in ${JSON.stringify(this.#shown.slice(this.#read))}`)
      await sleep(20)
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
