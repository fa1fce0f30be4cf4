/** What a step did, as data: for the report, the check and the boot step. */
export interface Outcome {
  /** Sentences in the past, one a change. */
  readonly changes: readonly string[]
  readonly warnings: readonly StepWarning[]
  /** Changed files that initramfs builders copy: what lies in an older image is stale now. */
  readonly inInitramfs: readonly string[]
  /** What the site may want to run once at first boot; nothing registers it unasked. */
  readonly offers: readonly Offer[]
}

export interface StepWarning {
  /** The guest's file it is about. */
  readonly path: string
  readonly message: string
  /** `fatal`: the guest will not come up; `degraded`: it comes up with something missing; `harmless`: only worth knowing. */
  readonly weight: 'fatal' | 'degraded' | 'harmless'
}

export interface Offer {
  readonly reason: string
  readonly argv: readonly string[]
}

/** An outcome that a step is still filling. */
export interface OutcomeDraft {
  readonly changes: string[]
  readonly warnings: StepWarning[]
  readonly inInitramfs: string[]
  readonly offers: Offer[]
}

export function newOutcome(): OutcomeDraft {
  return { changes: [], warnings: [], inInitramfs: [], offers: [] }
}

/** One outcome from several, in their order. */
export function mergeOutcomes(outcomes: readonly Outcome[]): Outcome {
  return {
    changes: outcomes.flatMap(one => one.changes),
    warnings: outcomes.flatMap(one => one.warnings),
    inInitramfs: [...new Set(outcomes.flatMap(one => one.inInitramfs))],
    offers: outcomes.flatMap(one => one.offers),
  }
}
