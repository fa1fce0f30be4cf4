import { childrenOf, descendantsOf } from './process-table.ts'

/** Time for a script to end by itself: a signal to the whole process group has reached it already, and it shall not get it twice. */
const GRACE_MS = 100
/** How long, in milliseconds, a script may take to end after a signal before it is killed with all that it started. */
const END_MS = 5000

export interface StopSignals {
  /** The signal that ends the run, once there was one. */
  received(): NodeJS.Signals | undefined
  /** Ends this process by the signal, as its parent expects; without one, with the code. Does not return. */
  leave(code: number): Promise<never>
}

/**
 * Passes a signal that ends us on to what runs below us and kills it when it does not end in time. `ending` are such signals, `ignored` are
 * those that a runner of scripts leaves to the scripts.
 */
export function watchSignals(ending: readonly NodeJS.Signals[], ignored: readonly NodeJS.Signals[]): StopSignals {
  let received: NodeJS.Signals | undefined
  const onSignal = (signal: NodeJS.Signals) => {
    if (received) return
    received = signal
    setTimeout(() => sendTo(scriptProcesses(), signal), GRACE_MS)
    setTimeout(() => sendTo(descendantsOf(process.pid), 'SIGKILL'), GRACE_MS + END_MS)
  }
  const listeners = new Map<NodeJS.Signals, () => void>([
    ...ending.map(signal => [signal, () => onSignal(signal)] as const),
    ...ignored.map(signal => [signal, () => {}] as const),
  ])
  for (const [signal, listener] of listeners) process.on(signal, listener)
  return {
    received: () => received,
    leave: async code => {
      if (received === undefined) process.exit(code)
      for (const [signal, listener] of listeners) process.off(signal, listener)
      process.kill(process.pid, received)
      // Node handles signals between turns; should the caller have told us to ignore this one, the code says the same.
      await new Promise(resolve => setTimeout(resolve, GRACE_MS))
      process.exit(1)
    },
  }
}

/** Children of our children: our own are the shells that start scripts. One without children is reading an environment file and ends itself. */
function scriptProcesses(): number[] {
  return childrenOf(process.pid).flatMap(shell => {
    const scripts = childrenOf(shell)
    return scripts.length > 0 ? scripts : [shell]
  })
}

/** Signals processes that may be gone meanwhile. */
export function sendTo(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // Gone, or not ours to signal.
    }
  }
}
