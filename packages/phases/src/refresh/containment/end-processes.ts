import { setTimeout as sleep } from 'node:timers/promises'
import { describeProcess, isAlive, readProcess, signalProcess } from './processes.ts'

/** A process that survives SIGKILL so long hangs in the kernel: it is named, not waited for. */
const KILL_PATIENCE_MS = 10_000
const POLL_MS = 20

export interface ToEnd {
  /** The processes as they are at this moment, with what descends from `known`. */
  readonly find: (known: readonly number[]) => Set<number>
  /** Get no SIGTERM, only SIGKILL. */
  readonly keep: ReadonlySet<number>
  /** Kills all that `find` finds at one stroke, where the kernel can; called before the rest is killed one by one. */
  readonly killAll?: () => void
  /** How long what is told to end (SIGTERM) may take before it is killed. */
  readonly graceMs: number
  /** Settles when those to keep have told of what they waited for: they get a moment for it. */
  readonly report?: Promise<unknown> | undefined
}

/** How long those to keep may take for their report, in milliseconds. */
const REPORT_MS = 500

/** SIGTERM, a time of grace, then SIGKILL until nothing is left. Gives what is left all the same, "pid command" each. */
export async function endProcesses(toEnd: ToEnd): Promise<string[]> {
  // What was seen once is not lost when its parent, which alone led to it, ends first.
  const known = new Map<number, string>()
  const living = () => {
    for (const pid of toEnd.find([...known.keys()])) {
      const process = known.has(pid) ? undefined : readProcess(pid)
      if (process !== undefined) known.set(pid, process.startTime)
    }
    for (const [pid, startTime] of known) if (!isAlive({ pid, startTime })) known.delete(pid)
    return [...known.keys()]
  }
  const told = () => living().filter(pid => !toEnd.keep.has(pid))
  for (const pid of told()) signalProcess(pid, 'SIGTERM')
  await waitUntil(() => told().length === 0, toEnd.graceMs)
  if (toEnd.report !== undefined && told().length === 0) await Promise.race([toEnd.report, sleep(REPORT_MS, undefined, { ref: false })])
  await waitUntil(() => {
    toEnd.killAll?.()
    // All are stopped before the first is killed: what forks as fast as we kill would stay ahead.
    for (const pid of living()) signalProcess(pid, 'SIGSTOP')
    const found = living()
    for (const pid of found) signalProcess(pid, 'SIGKILL')
    return found.length === 0
  }, KILL_PATIENCE_MS)
  return living().map(describeProcess)
}

async function waitUntil(isDone: () => boolean, limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!isDone() && performance.now() < deadline) await sleep(POLL_MS)
}
