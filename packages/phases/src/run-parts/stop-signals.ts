import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive, readProcess, signalProcess, type Process } from '../refresh/containment/processes.ts'
import { childrenOf, descendantsOf } from './process-table.ts'

/** Time for a script to end by itself: a signal to the whole process group has reached it already, and it shall not get it twice. */
const GRACE_MS = 100
const LOOK_MS = 20
/** How long, in milliseconds, a script may take to end after a signal before it is killed with all that it started. */
const END_MS = 5000

/** Those that a terminal sends to all at once: a shell that waits for a program leaves it to the program to end. */
const TERMINAL_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']

export interface StopSignals {
  /** The signal that ends the run, once there was one. */
  received(): NodeJS.Signals | undefined
  /** Takes what to do when there is one, before it is passed on. */
  onReceive(act: () => void): void
  /** After one: resolves when all that it was passed on to has ended. */
  whenPassedOn(): Promise<void>
  /** Ends this process by the signal, as its parent expects; without one, with the code. Does not return. */
  leave(code: number): Promise<never>
}

/**
 * Passes a signal that ends us on to what runs below us and kills it when it does not end in time. `ending` are such signals, `ignored` are
 * those that a runner of scripts leaves to the scripts. `targets`: whom it is passed on to.
 */
export function watchSignals(
  ending: readonly NodeJS.Signals[],
  ignored: readonly NodeJS.Signals[],
  targets: (signal: NodeJS.Signals) => number[] = scriptsOfShells,
): StopSignals {
  let received: NodeJS.Signals | undefined
  const passedOn: Process[] = []
  const pickTargets = (signal: NodeJS.Signals) => {
    const pids = targets(signal)
    passedOn.push(...pids.map(readProcess).filter(process => process !== undefined))
    return pids
  }
  const acts: (() => void)[] = []
  const onSignal = (signal: NodeJS.Signals) => {
    if (received) return
    received = signal
    for (const act of acts) act()
    // Now, too: a signal to the whole group may end a runner before its script, and then nothing leads to that.
    pickTargets(signal)
    setTimeout(() => sendTo(pickTargets(signal), signal), GRACE_MS)
    setTimeout(() => {
      const left = passedOn.filter(isAlive).map(({ pid }) => pid)
      sendTo([...new Set([...left, ...processesOfScripts(descendantsOf)])], 'SIGKILL')
    }, GRACE_MS + END_MS)
  }
  const listeners = new Map<NodeJS.Signals, () => void>([
    ...ending.map(signal => [signal, () => onSignal(signal)] as const),
    ...ignored.map(signal => [signal, () => {}] as const),
  ])
  for (const [signal, listener] of listeners) process.on(signal, listener)
  return {
    received: () => received,
    onReceive: act => acts.push(act),
    whenPassedOn: async () => {
      while (passedOn.some(isAlive)) await sleep(LOOK_MS)
    },
    leave: async code => {
      if (received === undefined) process.exit(code)
      for (const [signal, listener] of listeners) process.off(signal, listener)
      process.kill(process.pid, received)
      // Node handles signals between turns; should the caller have told us to ignore this one, the code says the same.
      await sleep(GRACE_MS)
      process.exit(1)
    },
  }
}

function scriptsOfShells(signal: NodeJS.Signals): number[] {
  return processesOfScripts(TERMINAL_SIGNALS.includes(signal) ? descendantsOf : childrenOf)
}

/** What is below our children, which are the shells that start scripts. One with nothing below is reading an environment file, and ends itself. */
function processesOfScripts(below: (shell: number) => number[]): number[] {
  return childrenOf(process.pid).flatMap(shell => {
    const found = below(shell)
    return found.length > 0 ? found : [shell]
  })
}

/** Signals processes, some of which may be gone meanwhile. */
export function sendTo(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) signalProcess(pid, signal)
}
