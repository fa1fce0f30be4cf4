import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { descendantsOf, processesMarked } from '../../run-parts/process-table.ts'
import { sendTo } from '../../run-parts/stop-signals.ts'

const MARK = 'OS_REFRESH_RUN_MARK'
/** setTimeout counts in 32 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1
/** How long, in milliseconds, to look for processes that were born while we killed. */
const HUNT_MS = 2000
const HUNT_STEP_MS = 10

/** A limit on the time of a run, which knows the run's processes wherever they went. */
export interface TimeLimit {
  /** For the environment of all that the run starts. */
  readonly mark: NodeJS.ProcessEnv
  /** True once the time is over; looked at between steps too, for a timer cannot fire while we wait for a reader of our log. */
  isOver(): boolean
  /** Starts again with the same number of seconds: for the error handlers of a run that was cut. */
  renew(): void
  cancel(): void
}

/** `onOver` is called once for each start, as soon as the time is over; 0 seconds is no limit. */
export function startTimeLimit(seconds: number, onOver: () => void): TimeLimit {
  const id = randomUUID()
  let deadline = Number.POSITIVE_INFINITY
  let timer: NodeJS.Timeout | undefined
  let isTold = false
  const check = () => {
    const left = deadline - performance.now()
    if (left <= 0) {
      if (!isTold) {
        isTold = true
        onOver()
      }
      return true
    }
    clearTimeout(timer)
    if (Number.isFinite(left)) timer = setTimeout(check, Math.min(left, LONGEST_TIMER_MS))
    return false
  }
  const renew = () => {
    isTold = false
    if (seconds > 0) deadline = performance.now() + seconds * 1000
    check()
  }
  renew()
  return { mark: seconds > 0 ? { [MARK]: id } : {}, isOver: check, renew, cancel: () => clearTimeout(timer) }
}

/** SIGKILL to all descendants of ours and to all that bear the mark, until none is left. */
export async function killRun(mark: NodeJS.ProcessEnv): Promise<void> {
  const value = mark[MARK]
  const end = performance.now() + HUNT_MS
  do {
    const found = new Set([...descendantsOf(process.pid), ...(value === undefined ? [] : processesMarked(MARK, value))])
    found.delete(process.pid)
    if (found.size === 0) return
    sendTo([...found], 'SIGKILL')
    await sleep(HUNT_STEP_MS)
  } while (performance.now() < end)
}
