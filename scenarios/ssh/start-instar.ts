import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const MAIN = join(import.meta.dirname, '../../packages/cli/src/main.ts')

/** A command line that runs while the test looks on. */
export interface RunningInstar {
  readonly pid: number
  /** Waits until it has printed a text; fails when it ends before. */
  printed(text: string): Promise<void>
  readonly ended: Promise<{ exitCode: number | null; output: string }>
}

/** Starts it as a terminal does: in a process group of its own, so that a signal to the group is a Ctrl-C. */
export function startInstar(stateDir: string, argv: readonly string[]): RunningInstar {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...argv], {
    env: { ...process.env, INSTAR_STATE_DIR: stateDir },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (piece: string) => (output += piece))
  const ended = once(child, 'exit').then(([exitCode]) => ({ exitCode: exitCode as number | null, output }))
  return {
    pid: child.pid ?? 0,
    ended,
    printed: async text => {
      while (!output.includes(text)) {
        const went = await Promise.race([ended, once(child.stdout, 'data').then(() => undefined)])
        if (went !== undefined) throw new Error(`it ended with ${went.exitCode} before it printed "${text}": ${went.output}`)
      }
    },
  }
}
