import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { InstarEvent } from '@instar/contract'
import type { DieAt } from './die-at.ts'

const MAIN = join(import.meta.dirname, '../../packages/cli/src/main.ts')
const DIE_AT = join(import.meta.dirname, 'die-at.ts')

export interface Ended {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** The real command line as a process that can be killed at a point which its events tell. */
export class Killable {
  readonly #child: ChildProcess
  readonly #ended: Promise<Ended>
  readonly #waiting = new Set<() => void>()
  readonly #texts = { stdout: '', stderr: '' }

  constructor(argv: readonly string[], { stateDir, dieAt }: { stateDir: string; dieAt?: DieAt }) {
    const hook = dieAt === undefined ? [] : ['--import', DIE_AT]
    this.#child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...hook, MAIN, ...argv], {
      env: { ...process.env, INSTAR_STATE_DIR: stateDir, ...(dieAt === undefined ? {} : { DIE_AT: JSON.stringify(dieAt) }) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const name of ['stdout', 'stderr'] as const) {
      this.#child[name]?.setEncoding('utf8').on('data', (piece: string) => {
        this.#texts[name] += piece
        for (const look of this.#waiting) look()
      })
    }
    this.#ended = once(this.#child, 'close').then(([exitCode, signal]) => ({
      exitCode: exitCode as number | null,
      signal: signal as NodeJS.Signals | null,
      ...this.#texts,
    }))
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Resolves at an event of `--json` that fits; an end before that is an error of the test. */
  async until(fits: (event: InstarEvent) => boolean): Promise<void> {
    const found = Promise.withResolvers<void>()
    const look = () => {
      if (this.#events().some(fits)) found.resolve()
    }
    this.#waiting.add(look)
    look()
    const early = this.#ended.then(({ stdout, stderr }) => {
      throw new Error(`it ended before the point was reached\n${stderr}\n${stdout.slice(-2000)}`)
    })
    early.catch(() => undefined)
    try {
      await Promise.race([found.promise, early])
    } finally {
      this.#waiting.delete(look)
    }
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Ended> {
    this.#child.kill(signal)
    return this.#ended
  }

  ended(): Promise<Ended> {
    return this.#ended
  }

  #events(): InstarEvent[] {
    const lines = this.#texts.stdout.split('\n').slice(0, -1)
    return lines.filter(line => line.startsWith('{')).map(line => JSON.parse(line) as InstarEvent)
  }
}
