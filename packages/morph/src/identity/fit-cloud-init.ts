import type { GuestFacts } from '../detect/detect.ts'
import { known } from '../detect/known.ts'
import type { OutcomeDraft } from '../references/outcome.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import type { CloudInitState } from './cloud-init.ts'
import { readCloudInit } from './cloud-init.ts'

/**
 * After a move cloud-init must not take the machine for a new one: a new instance makes new host keys, users, names and network files.
 *
 * - `nothing`: not installed, already off, or it never ran, so that there is nothing to lose.
 * - `leave`: its data comes along in the guest's files; only its network part is switched off, as it waits for cards that are gone.
 * - `pin`: its data stayed behind, but it has work at every boot: the old instance is kept, from a seed in the guest.
 * - `disable`: its data stayed behind and its work is done. It would search a dead metadata service for minutes, at every boot.
 */
export type CloudInitDecision = 'nothing' | 'leave' | 'pin' | 'disable'

/** Sorts behind the files of installers and images, which begin with "99-". */
const CONFIG = '/etc/cloud/cloud.cfg.d/99_instar.cfg'
const SEED = '/var/lib/cloud/seed/nocloud'
const GENERATORS = ['/lib', '/usr/lib'].map(lib => `${lib}/systemd/system-generators/cloud-init-generator`)

export function decideCloudInit(tree: GuestTree, state: CloudInitState, facts: GuestFacts): CloudInitDecision {
  if (!state.isInstalled || state.disabledBy !== undefined || state.instanceId === undefined) return 'nothing'
  if (state.isLocal) return 'leave'
  // Only the generator looks at cloud-init.disabled; versions from before it, and other init systems, need the pin.
  const hasSwitch = facts.init === 'systemd' && GENERATORS.some(path => known(() => tree.exists(path)) === true)
  return state.everyBoot === undefined && hasSwitch ? 'disable' : 'pin'
}

/** Decides and writes. Never makes a new instance. */
export function fitCloudInit(tree: GuestTree, facts: GuestFacts, outcome: OutcomeDraft): CloudInitDecision {
  const state = readCloudInit(tree)
  const decision = decideCloudInit(tree, state, facts)
  switch (decision) {
    case 'nothing':
      break
    case 'leave':
      if (!state.isNetworkDisabled) {
        tree.write(
          CONFIG,
          '# Written by Instar: the network is configured; the cards that cloud-init knew are gone.\nnetwork: {config: disabled}\n',
        )
        outcome.changes.push(`cloud-init stays on with its data in the guest, without its network part (${CONFIG}).`)
      }
      break
    case 'pin':
      pinInstance(tree, state, outcome)
      break
    case 'disable':
      tree.write(
        '/etc/cloud/cloud-init.disabled',
        'Written by Instar: the instance is set up, and its metadata stayed on the old platform.\n',
      )
      outcome.changes.push(
        `cloud-init is switched off (/etc/cloud/cloud-init.disabled): the instance ${state.instanceId} is set up, and its source ${state.datasource ?? ''} is gone.`,
      )
  }
  return decision
}

/** The same instance from a seed: cloud-init compares ids, and does again only what it does at every boot. */
function pinInstance(tree: GuestTree, state: CloudInitState, outcome: OutcomeDraft): void {
  const userData = known(() => tree.readBytes('/var/lib/cloud/instance/user-data.txt')) ?? Buffer.from('#cloud-config\n{}\n')
  const vendorData = known(() => tree.readBytes('/var/lib/cloud/instance/vendor-data.txt'))
  tree.write(`${SEED}/meta-data`, `instance-id: ${JSON.stringify(state.instanceId)}\n`, { mode: 0o600 })
  tree.write(`${SEED}/user-data`, userData, { mode: 0o600 })
  if (vendorData !== undefined) tree.write(`${SEED}/vendor-data`, vendorData, { mode: 0o600 })
  tree.write(
    CONFIG,
    `# Written by Instar: this is the same instance as on the old platform.
datasource_list: [NoCloud, None]
network: {config: disabled}
preserve_hostname: true
ssh_deletekeys: false
`,
  )
  outcome.changes.push(
    `cloud-init keeps the instance ${state.instanceId}, from ${SEED} (it has ${state.everyBoot ?? 'no switch to turn it off'}).`,
  )
  const identify = known(() => tree.read('/etc/cloud/ds-identify.cfg')) ?? ''
  if (/^\s*datasource:/m.test(identify)) {
    const message = 'it names a datasource that cloud-init will look for first: take that line out if the boot waits'
    outcome.warnings.push({ path: '/etc/cloud/ds-identify.cfg', message, weight: 'degraded' })
  }
}
