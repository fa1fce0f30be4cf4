import { registerFirstBoot } from '../first-boot/register-first-boot.ts'
import type { OpenGuest } from '../morph.ts'
import type { MorphSession } from '../session.ts'
import { runStep } from '../step.ts'
import type { AppliedChange } from '../tree/apply.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { loadTree } from '../tree/load.ts'
import { applyLabelled } from './apply-labelled.ts'

/** Writes the first-boot scripts and their service into the guest, whose files are read anew unless they are known; nothing without scripts. */
export async function registerScripts(
  session: MorphSession,
  { guest, facts }: OpenGuest,
  known: { distro: string; tree: GuestTree | undefined },
): Promise<{ scripts: number; changed: readonly AppliedChange[] }> {
  const { request, machine, signal, emit } = session
  const scripts = request.scripts.filter(({ phase }) => phase === 'replica_first_boot')
  if (scripts.length === 0) return { scripts: 0, changed: [] }
  return runStep(emit, 'Registering the first-boot scripts', async () => {
    const tree = known.tree ?? (await loadTree(machine, guest.at, { signal }))
    const warnings = registerFirstBoot(tree, {
      runId: request.runId,
      scripts,
      secrets: request.secrets,
      facts: { init: facts.init, distro: known.distro },
    })
    for (const { message } of warnings) session.warn(message)
    return { scripts: scripts.length, changed: await applyLabelled(session, guest.at, tree) }
  })
}
