/** What ended an attempt from outside: a time limit, or a signal to us. */
export type Cut = 'script-limit' | 'run-limit' | 'cancel'

export type Race<Value> = { readonly kind: 'done'; readonly value: Value } | { readonly kind: Cut }

/** The time limits of a stage, and the signal that stops it. */
export class Limits {
  /** Set once something was cut short: nothing more is started then, and what ends meanwhile did not end by itself. */
  cut: Cut | undefined
  readonly #scriptMs: number
  readonly #deadline: number
  readonly #signal: AbortSignal

  /** Limits in milliseconds, 0 for none; that of the stage counts from now. */
  constructor(limits: { scriptMs: number; stageMs: number; signal: AbortSignal }) {
    this.#scriptMs = limits.scriptMs === 0 ? Infinity : limits.scriptMs
    this.#deadline = limits.stageMs === 0 ? Infinity : performance.now() + limits.stageMs
    this.#signal = limits.signal
  }

  /** Whether work may begin: the stage has time left and nobody asked to stop. */
  mayBegin(): Cut | undefined {
    if (this.#signal.aborted) return 'cancel'
    return performance.now() >= this.#deadline ? 'run-limit' : undefined
  }

  /** Waits for work, no longer than the limits allow. Environment files have no limit of their own, only the stage's. */
  race<Value>(work: Promise<Value>, of: 'script' | 'environment'): Promise<Race<Value>> {
    const left = this.#deadline - performance.now()
    const ownMs = of === 'script' ? this.#scriptMs : Infinity
    return new Promise(resolve => {
      const timer =
        left === Infinity && ownMs === Infinity
          ? undefined
          : setTimeout(() => settle({ kind: ownMs < left ? 'script-limit' : 'run-limit' }), Math.max(0, Math.min(left, ownMs)))
      const cancel = () => settle({ kind: 'cancel' })
      const settle = (race: Race<Value>) => {
        clearTimeout(timer)
        this.#signal.removeEventListener('abort', cancel)
        if (race.kind !== 'done') this.cut ??= race.kind
        resolve(race)
      }
      this.#signal.addEventListener('abort', cancel)
      if (this.#signal.aborted) cancel()
      void work.then(value => settle({ kind: 'done', value }))
    })
  }
}
