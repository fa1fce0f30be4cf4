import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { InstarEvent, Run, ScriptRun } from '@instar/contract'

const MAIN = join(import.meta.dirname, '../../packages/cli/src/main.ts')

export interface Finished {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The real command line, with a state folder of its own, so that `last` is the run of this scenario. */
export class Instar {
  readonly #env: NodeJS.ProcessEnv
  readonly #signal: AbortSignal

  constructor(stateDir: string, signal: AbortSignal) {
    this.#env = { ...process.env, INSTAR_STATE_DIR: stateDir }
    this.#signal = signal
  }

  run(...argv: readonly string[]): Promise<Finished> {
    return this.runWith('', ...argv)
  }

  /** With a text as its standard input. */
  async runWith(input: string, ...argv: readonly string[]): Promise<Finished> {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...argv], {
      env: this.#env,
      stdio: 'pipe',
      signal: this.#signal,
    })
    child.stdin.end(input)
    const texts = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (texts.stdout += piece))
    child.stderr.setEncoding('utf8').on('data', (piece: string) => (texts.stderr += piece))
    const [exitCode] = (await once(child, 'close')) as [number | null]
    return { exitCode, ...texts }
  }

  /** The run just made, with its scripts in their order, or `undefined` when the command was refused before there was one. */
  async lastRun(): Promise<{ run: Run; scripts: ScriptRun[] } | undefined> {
    const { exitCode, stdout } = await this.run('run', 'show', 'last', '--json')
    return exitCode === 0 ? (JSON.parse(stdout) as { run: Run; scripts: ScriptRun[] }) : undefined
  }

  async scriptOutput(script: string, stream: 'stdout' | 'stderr'): Promise<string> {
    return (await this.run('script', 'log', 'last', script, '--stream', stream)).stdout
  }
}

/** What `--json` printed, a line each. */
export function readEvents(stdout: string): InstarEvent[] {
  return stdout
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as InstarEvent)
}
