import { known } from '../detect/known.ts'
import type { OutcomeDraft } from '../references/outcome.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import type { NetworkReading } from './model.ts'
import { IFCFG_FOLDERS } from './read-ifcfg.ts'

/** The name for a card that no configuration names yet. */
const FRESH_NAME = 'eth0'

/** Where nothing is configured at all: DHCP on any card, in the words of the system in charge. Gives the name that this needs, if it does. */
export function addDhcp(tree: GuestTree, { systems }: NetworkReading, outcome: OutcomeDraft): string | undefined {
  const system = systems.find(each => each.isInCharge)?.system
  const write = (path: string, text: string, mode: number): void => {
    tree.write(path, text, { mode })
    outcome.changes.push(`No interface was configured: ${path} asks for an address by DHCP.`)
  }
  switch (system) {
    case 'netplan':
      write(
        '/etc/netplan/90-instar.yaml',
        'network:\n  version: 2\n  ethernets:\n    instar:\n      match:\n        name: "e*"\n      dhcp4: true\n',
        0o600,
      )
      return undefined
    case 'networkmanager':
      // It asks for an address on every card without a profile.
      return undefined
    case 'networkd':
      write('/etc/systemd/network/90-instar-dhcp.network', '[Match]\nName=e*\n\n[Network]\nDHCP=yes\n', 0o644)
      return undefined
    case 'ifupdown': {
      const text = known(() => tree.read('/etc/network/interfaces')) ?? 'auto lo\niface lo inet loopback\n'
      write('/etc/network/interfaces', `${text.trimEnd()}\n\nauto ${FRESH_NAME}\niface ${FRESH_NAME} inet dhcp\n`, 0o644)
      return FRESH_NAME
    }
    case 'ifcfg-redhat':
      write(`${IFCFG_FOLDERS[system]}/ifcfg-${FRESH_NAME}`, `DEVICE=${FRESH_NAME}\nTYPE=Ethernet\nBOOTPROTO=dhcp\nONBOOT=yes\n`, 0o644)
      return FRESH_NAME
    case 'ifcfg-suse':
      write(`${IFCFG_FOLDERS[system]}/ifcfg-${FRESH_NAME}`, "BOOTPROTO='dhcp'\nSTARTMODE='auto'\n", 0o644)
      return FRESH_NAME
    case undefined:
      outcome.warnings.push({
        path: '/etc',
        message: 'no system that configures the network was found: DHCP could not be set',
        weight: 'degraded',
      })
      return undefined
  }
}
