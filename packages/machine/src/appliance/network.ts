import { InstarError } from '@instar/contract'
import { runCommand } from './channel/run-command.ts'
import type { Vm } from './vm.ts'

const NIC = 'instar-nic'
const NETDEV = 'instar-net'

/**
 * User-mode networking has fixed addresses, so no DHCP is needed. The device may need a moment to appear after it was plugged in.
 */
const NETWORK_UP = `
modprobe virtio_net || exit
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -e /sys/class/net/eth0 ] && break; sleep 0.1; done
ip link set lo up && ip link set eth0 up && ip addr replace 10.0.2.15/24 dev eth0 && ip route replace default via 10.0.2.2 &&
echo nameserver 10.0.2.3 >/etc/resolv.conf
`

/**
 * Switches the network of the appliance. The card does not exist before it is asked for the first time; switched off, its cable is pulled on
 * QEMU's side, where the guest cannot put it back.
 *
 * QEMU's user-mode network (slirp) hands connections to 10.0.2.2 to the loopback of the host: QEMU 7.2 has no switch for that alone.
 */
export async function setNetwork(vm: Vm, on: boolean, signal: AbortSignal): Promise<void> {
  const isThere = await hasCard(vm, signal)
  if (!on) {
    if (isThere) await vm.qmp.execute('set_link', { name: NIC, up: false }, signal)
    return
  }
  if (isThere) await vm.qmp.execute('set_link', { name: NIC, up: true }, signal)
  else await addCard(vm, signal)
  const result = await runCommand(vm.channel, ['sh', '-c', NETWORK_UP], { signal, timeoutMs: 30_000 })
  if (result.exitCode !== 0) {
    throw new InstarError('machine.network-failed', `the appliance could not set up its network: ${result.stderrTail.trim()}`)
  }
}

async function hasCard(vm: Vm, signal: AbortSignal): Promise<boolean> {
  const devices = await vm.qmp.execute('qom-list', { path: '/machine/peripheral' }, signal)
  return (devices as { name: string }[]).some(({ name }) => name === NIC)
}

async function addCard(vm: Vm, signal: AbortSignal): Promise<void> {
  await vm.qmp.execute('netdev_add', { type: 'user', id: NETDEV, ipv6: false }, signal)
  await vm.qmp.execute('device_add', { driver: 'virtio-net-pci', id: NIC, netdev: NETDEV, romfile: '' }, signal)
}
