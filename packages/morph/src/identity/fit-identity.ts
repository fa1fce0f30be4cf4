import type { GuestFacts } from '../detect/detect.ts'
import { known } from '../detect/known.ts'
import type { Outcome, OutcomeDraft } from '../references/outcome.ts'
import { newOutcome } from '../references/outcome.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { fitCloudInit } from './fit-cloud-init.ts'
import { fitTimeService } from './time-service.ts'

/**
 * Keeps the machine the same machine: machine-id, host keys and names stay as they are, cloud-init cannot make a new instance of it, and
 * what the old platform kept for it (the time) is kept by the guest.
 */
export function fitIdentity(tree: GuestTree, { facts }: { facts: GuestFacts }): Outcome {
  const outcome = newOutcome()
  fitCloudInit(tree, facts, outcome)
  fitTimeService(tree, facts, outcome)
  reportIdentity(tree, facts, outcome)
  return outcome
}

/** What a new platform cannot bring along by files: said, never changed. */
function reportIdentity(tree: GuestTree, facts: GuestFacts, outcome: OutcomeDraft): void {
  const warn = (path: string, message: string): void => {
    outcome.warnings.push({ path, message, weight: 'harmless' })
  }
  const machineId = known(() => tree.read('/etc/machine-id'))?.trim()
  if (facts.init === 'systemd' && !/^[0-9a-f]{32}$/.test(machineId ?? '')) {
    warn('/etc/machine-id', 'it holds no id: the first boot makes one and takes the machine for a new one')
  }
  if (/^LOCAL$/m.test(known(() => tree.read('/etc/adjtime')) ?? '')) {
    warn('/etc/adjtime', 'the hardware clock is in local time: set the new machine up so too')
  }
}
