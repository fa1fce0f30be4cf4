import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import type { ProcessGroup } from './step.ts'

/** The processes of one attempt. `killAll` at its end takes what is left. */
export class AttemptProcesses implements ProcessGroup {
  readonly #leaders = new Set<number>()
  readonly #members = new Set<number>()
  #isClosed = false

  /** The kernel kills the process when this one dies; the shell closes the gap for who died before the kernel was told to watch. */
  spawn(argv: readonly [string, ...string[]], options: Omit<SpawnOptions, 'detached' | 'signal'> = {}): ChildProcess {
    const guarded = ['--pdeathsig', 'KILL', '--', 'sh', '-c', '[ "$PPID" = "$0" ] && exec "$@"', String(process.pid), ...argv]
    const child = spawn('setpriv', guarded, { ...options, detached: true })
    const { pid } = child
    if (pid !== undefined) {
      this.add(pid, true)
      // Whatever it left running in its group ends with it: later the number may be somebody else's.
      child.once('exit', () => {
        if (this.#leaders.delete(pid)) killQuietly(-pid)
      })
    }
    return child
  }

  add(pid: number, isLeader: boolean): void {
    if (this.#isClosed) return killQuietly(isLeader ? -pid : pid)
    ;(isLeader ? this.#leaders : this.#members).add(pid)
  }

  /** SIGKILL for every process and all that they started; what is added later is killed at once. */
  killAll(): void {
    this.#isClosed = true
    for (const pid of this.#leaders) killQuietly(-pid)
    for (const pid of this.#members) killQuietly(pid)
    this.#leaders.clear()
    this.#members.clear()
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
