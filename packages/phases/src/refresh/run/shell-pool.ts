import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { inheritedDescriptors } from '../../run-parts/inherited-descriptors.ts'
import { openStarter } from '../../run-parts/shell-starter.ts'
import type { Starter, StarterOpening } from '../../run-parts/starter.ts'
import { endAttempt } from '../containment/run-containment.ts'
import type { Cut, Limits } from './limits.ts'
import type { Session } from './session.ts'

/** No shell, and why: an environment file, a limit or signal, or no bash. */
export type NoShell = Exclude<StarterOpening, { kind: 'ready' }> | { readonly kind: 'cut'; readonly cut: Cut }

interface PoolOptions {
  readonly session: Session
  readonly phase: string
  readonly limits: Limits
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly environmentFiles: readonly string[]
}

/** Gives the shells of a stage to its work, and closes them however that ends. */
export async function withShells<T>(options: PoolOptions, work: (shells: ShellPool) => Promise<T>): Promise<T> {
  const shells = new ShellPool(options)
  try {
    return await work(shells)
  } finally {
    await shells.close()
  }
}

/** The shells of a stage that start its scripts: one, or as many as scripts run at the same time. Each has sourced the environment files. */
export class ShellPool {
  readonly #options: PoolOptions
  readonly #free: Starter[] = []
  readonly #all = new Map<number, Starter>()
  #output: [number, number] | undefined

  constructor(options: PoolOptions) {
    this.#options = options
  }

  pids(): Set<number> {
    return new Set(this.#all.keys())
  }

  /** A shell that nobody uses; the caller gives it back by `giveBack`, or `drop`s it when it is lost. */
  async take(): Promise<Starter | NoShell> {
    const free = this.#free.pop()
    if (free !== undefined) return free
    const { session, limits, phase } = this.#options
    const opening = this.#open()
    const race = await limits.race(opening, 'environment')
    if (race.kind !== 'done') {
      // An environment file hangs. All that it has for a mark is the phase: no script has its name yet.
      await endAttempt(session.id, { phase, name: '', attempt: 0 }, { graceMs: session.options.killAfterMs })
      return { kind: 'cut', cut: race.kind }
    }
    if (race.value.kind !== 'ready') return race.value
    const { starter } = race.value
    this.#all.set(starter.pid, starter)
    session.containment.adopt(starter.pid)
    return starter
  }

  giveBack(shell: Starter): void {
    this.#free.push(shell)
  }

  drop(shell: Starter): void {
    this.#all.delete(shell.pid)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all.values()].map(shell => shell.close()))
    for (const fd of this.#output ?? []) closeSync(fd)
  }

  #open(): Promise<StarterOpening> {
    const { environment, environmentFiles, phase } = this.#options
    this.#output ??= this.#openOutput()
    return openStarter({
      name: 'instar-refresh',
      environment: { ...environment, INSTAR_PHASE: phase, INSTAR_SCRIPT: '', INSTAR_ATTEMPT: '0' },
      environmentFiles,
      onSource: () => undefined,
      stdio: [0, ...this.#output],
      withheld: inheritedDescriptors(),
    })
  }

  /** What the environment files print, their trace among it, has files of its own. */
  #openOutput(): [number, number] {
    const { session, phase, environmentFiles } = this.#options
    const open = (stream: string) => openSync(environmentOutput(session.folder, phase, stream), 'a', 0o600)
    return environmentFiles.length === 0 ? [openSync('/dev/null', 'w'), openSync('/dev/null', 'w')] : [open('stdout'), open('stderr')]
  }
}

/** The file for what a phase's environment files print. */
export function environmentOutput(runFolder: string, phase: string, stream: string): string {
  return join(runFolder, `environment-${phase}.${stream}`)
}
