import { maskAgents } from '../agents/mask-agents.ts'
import type { OpenGuest } from '../morph.ts'
import { fixReferences, resolverFor } from '../references/fix-references.ts'
import type { Outcome } from '../references/outcome.ts'
import type { MorphSession } from '../session.ts'
import { runStep } from '../step.ts'
import { applyChanges, type AppliedChange } from '../tree/apply.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { attachedDisks, volumeNames } from './attached-disks.ts'

/** What fitting the OS did. */
export interface FitResult {
  readonly changed: readonly AppliedChange[]
  readonly steps: readonly { readonly step: string; readonly changes: readonly string[] }[]
}

/** Fits the OS to its new platform: decides on the tree, step by step, then writes all changes at once. */
export async function fitGuest(session: MorphSession, open: OpenGuest, tree: GuestTree): Promise<FitResult> {
  const { storage, guest, facts } = open
  const steps: { step: string; changes: readonly string[] }[] = []
  const take = async (step: string, work: () => Outcome) => {
    const outcome = await runStep(session.emit, step, work)
    steps.push({ step, changes: outcome.changes })
    for (const { path, message, weight } of outcome.warnings) if (weight !== 'harmless') session.warn(`${path}: ${message}`)
  }
  await take('Masking the agents of the old platform', () => maskAgents(tree, { target: 'kvm', init: facts.init }))
  await take("Replacing the source's device names", () =>
    fixReferences(tree, { resolve: resolverFor(tree, attachedDisks(storage)), volumes: volumeNames(storage) }),
  )
  const changed = await runStep(session.emit, 'Writing the changes', () =>
    applyChanges(session.machine, guest.at, tree.changes(), { signal: session.signal }),
  )
  return { changed, steps }
}
