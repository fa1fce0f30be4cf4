import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { descendantsOf, processesMarked } from '../../run-parts/process-table.ts'
import { sendTo } from '../../run-parts/stop-signals.ts'
import { RunCgroup } from '../containment/cgroup.ts'

const MARK = 'OS_REFRESH_RUN_MARK'
/** How long, in milliseconds, to look for processes that were born while we killed. */
const HUNT_MS = 2000
const HUNT_STEP_MS = 10

/**
 * The processes of a run with a time limit, wherever they went: in a cgroup of version 2 where we may make one, and by a variable in their
 * environment. What dropped its environment and left the tree is found by the cgroup only; what left the cgroup (a session of systemd) by the mark.
 */
export class RunProcesses {
  readonly #id = randomUUID()
  #group: RunCgroup | undefined

  /** For the environment of all that the run starts. */
  get mark(): NodeJS.ProcessEnv {
    return { [MARK]: this.#id }
  }

  /** Takes in a process, and with it all that it will start. */
  adopt(pid: number): void {
    try {
      this.#group ??= RunCgroup.create(this.#id)
      this.#group.adopt(pid)
    } catch {
      // No cgroup of version 2, or not ours to write: the mark serves.
    }
  }

  /** SIGKILL to all of them and to all our descendants, until none is left. */
  async kill(): Promise<void> {
    const end = performance.now() + HUNT_MS
    do {
      this.#group?.kill()
      const found = new Set([...(this.#group?.pids() ?? []), ...descendantsOf(process.pid), ...processesMarked(MARK, this.#id)])
      found.delete(process.pid)
      if (found.size === 0) return
      sendTo([...found], 'SIGKILL')
      await sleep(HUNT_STEP_MS)
    } while (performance.now() < end)
  }

  /** At the end of the run: what still runs, daemons, goes on. */
  release(): void {
    this.#group?.remove()
  }
}
