import { planLabels } from '../selinux/labels.ts'
import type { MorphSession } from '../session.ts'
import { applyChanges, type AppliedChange } from '../tree/apply.ts'
import type { GuestTree } from '../tree/guest-tree.ts'

/** Writes the changes of a tree into the guest, what is new in a guest with SELinux with its label. */
export function applyLabelled(session: MorphSession, root: string, tree: GuestTree): Promise<AppliedChange[]> {
  const plan = planLabels(tree, tree.changes())
  for (const { path, message } of plan.warnings) session.warn(`${path}: ${message}`)
  if (plan.mustRelabel) {
    tree.write('/.autorelabel', '')
    session.warn('the guest will relabel its files at its first boot and then restart')
  }
  const labels = new Map(plan.labels.map(({ path, label }) => [path, label]))
  return applyChanges(session.machine, root, tree.changes(), { signal: session.signal, labels })
}
