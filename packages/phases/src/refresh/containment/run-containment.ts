import { InstarError } from '@instar/contract/errors'
import { RunCgroup } from './cgroup.ts'
import { endProcesses } from './end-processes.ts'
import { markedProcesses } from './mark.ts'
import { MemoryPeak } from './memory-peak.ts'
import { describeProcess } from './processes.ts'

/** How the processes of a run are found again, wherever they went: in a cgroup of version 2, or by their mark in /proc. */
export class RunContainment {
  readonly #runId: string
  readonly #how: 'auto' | 'cgroup' | 'proc'
  readonly #tell: (how: 'cgroup' | 'proc', reason?: string) => void
  #group: RunCgroup | undefined
  #memoryPeak: MemoryPeak | undefined
  #isDecided = false

  /** `tell` hears once which of both it is, and why not a cgroup where one was tried. */
  constructor(runId: string, how: 'auto' | 'cgroup' | 'proc', tell: (how: 'cgroup' | 'proc', reason?: string) => void) {
    this.#runId = runId
    this.#how = how
    this.#tell = tell
  }

  /** Of the running script; absent without a cgroup that has a memory controller. */
  get memoryPeak(): MemoryPeak | undefined {
    return this.#memoryPeak
  }

  /** Takes a shell in, and with it all that it will start. The first one decides; throws `refresh.no-cgroup` when only a cgroup will do. */
  adopt(pid: number): void {
    if (this.#isDecided) {
      if (this.#group?.adopt(pid) === true) this.#openMemoryPeak(this.#group)
      return
    }
    this.#isDecided = true
    if (this.#how === 'proc') return this.#tell('proc')
    try {
      this.#group = RunCgroup.create(this.#runId)
      this.#group.adopt(pid)
      this.#openMemoryPeak(this.#group)
      this.#tell('cgroup')
    } catch (error) {
      this.#group?.remove()
      this.#group = undefined
      if (this.#how === 'cgroup') throw new InstarError('refresh.no-cgroup', 'cannot make a cgroup for the run', { cause: error })
      this.#tell('proc', error instanceof Error ? error.message : String(error))
    }
  }

  #openMemoryPeak(group: RunCgroup): void {
    this.#memoryPeak?.close()
    this.#memoryPeak = MemoryPeak.open(group.dir)
  }

  /** Whether a cgroup says that nothing but these runs; false where there is none to ask. */
  hasOnly(shells: ReadonlySet<number>): boolean {
    return this.#group?.pids().every(pid => shells.has(pid)) ?? false
  }

  /** All processes of the run. Some leave a cgroup with permission (a session that su opens): their mark gives them away. */
  find(known: readonly number[] = []): Set<number> {
    return new Set([...(this.#group?.pids() ?? []), ...markedProcesses(this.#runId, {}, known)])
  }

  /**
   * Ends all processes of the run: SIGTERM, a time of grace, SIGKILL. The shells that start scripts get no SIGTERM, so that they tell of the script's
   * end, which is what `report` waits for. Gives those that are left, "pid command" each: what hangs in the kernel or belongs to another user.
   */
  endAll(shells: ReadonlySet<number>, graceMs: number, report?: Promise<unknown>): Promise<string[]> {
    return endProcesses({ find: known => this.find(known), keep: shells, killAll: () => this.#group?.kill(), graceMs, report })
  }

  /** What the run has left, "pid command" each. */
  describe(shells: ReadonlySet<number> = new Set()): string[] {
    return this.#isDecided ? [...this.find()].filter(pid => !shells.has(pid)).map(describeProcess) : []
  }

  /** At the end of a run; what still runs (daemons) goes on. */
  release(): void {
    this.#memoryPeak?.close()
    this.#group?.remove()
  }
}

/**
 * Ends one attempt of one script with all that it started, and nothing else of its run. Tells how many processes there were, and which are
 * left. `children`: what the shell waits for, found even when it has dropped its environment.
 */
export async function endAttempt(
  runId: string,
  script: { phase: string; name: string; attempt: number },
  more: { graceMs: number; children?: readonly number[] },
): Promise<{ found: number; left: string[] }> {
  const variables = { INSTAR_PHASE: script.phase, INSTAR_SCRIPT: script.name, INSTAR_ATTEMPT: String(script.attempt) }
  const find = (known: readonly number[]) => markedProcesses(runId, variables, [...(more.children ?? []), ...known])
  const found = find([]).size
  return { found, left: await endProcesses({ find, keep: new Set(), graceMs: more.graceMs }) }
}
