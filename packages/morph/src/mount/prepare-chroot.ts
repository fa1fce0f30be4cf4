import { buffer } from 'node:stream/consumers'
import { InstarError } from '@instar/contract'
import type { Machine } from '@instar/machine'
import { pack } from 'tar-stream'
import type { BlockDevice } from '../storage/block-device.ts'
import { plainName } from '../storage/group-names.ts'
import { RESOLVE_IN } from './resolve-in-root.ts'

/**
 * What programs of the guest need around them, and nothing of the minion: an own /dev with the guest's disks only (a tar archive on the
 * standard input: one process instead of one for each node), /proc, a read-only /sys with the firmware hidden (a UEFI minion made BIOS guests
 * install boot entries, a UEFI guest's would end in the minion's NVRAM), an empty /run (no /run/systemd/system: nothing believes that
 * systemd runs).
 */
const PREPARE = `${RESOLVE_IN}
root=$1
place() { resolve_in "$root" "$1" && { [ -d "$root$at" ] || mkdir -p -- "$root$at"; } || exit 72; }
place /dev; dev=$root$at
mount -t tmpfs -o mode=755,nosuid,size=4m dev "$dev" && tar -x -C "$dev" || exit 73
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$dev/pts" || exit 73
mount -t tmpfs -o mode=1777,nosuid,nodev shm "$dev/shm" || exit 73
place /proc; mount -t proc proc "$root$at" || exit 73
place /sys; mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root$at" || exit 73
[ ! -d "$root$at/firmware" ] || mount -t tmpfs -o ro,size=4k firmware "$root$at/firmware" || exit 73
place /run; mount -t tmpfs -o mode=755,nosuid,nodev run "$root$at" || exit 73
mkdir -m 1777 "$root$at/lock"
exit 0
`

/**
 * Sets up /dev, /proc, /sys and /run inside a mounted guest for programs that run there by chroot; `mountGuest` takes them away with the rest.
 * Throws `morph.mount-missing` when one cannot be set up.
 */
export async function prepareChroot(
  machine: Machine,
  { at, devices }: { at: string; devices: readonly BlockDevice[] },
  signal: AbortSignal,
): Promise<void> {
  const result = await machine.run(['sh', '-c', PREPARE, 'prepare', at], { signal, stdin: await packNodes(guestNodes(devices)) })
  if (result.exitCode !== 0) {
    throw new InstarError('morph.mount-missing', `cannot prepare ${at} for programs of the guest: ${result.stderrTail.trim()}`)
  }
}

interface DevNode {
  /** Below /dev. */
  readonly name: string
  readonly type: 'directory' | 'symlink' | 'block-device' | 'character-device'
  readonly mode: number
  readonly linkname?: string
  readonly devmajor?: number
  readonly devminor?: number
}

const FOLDERS = ['pts', 'shm', 'mapper', 'disk', 'disk/by-uuid', 'disk/by-label', 'disk/by-partuuid', 'disk/by-partlabel']
const CHARACTER_NODES: readonly [name: string, major: number, minor: number][] = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['tty', 5, 0],
]
const LINKS = { fd: '/proc/self/fd', stdin: '/proc/self/fd/0', stdout: '/proc/self/fd/1', stderr: '/proc/self/fd/2', ptmx: 'pts/ptmx' }

/**
 * All of the guest's /dev. The tools of the guest look for links too: grub-mkconfig writes UUIDs only where /dev/disk/by-uuid exists
 * (appliance.md 0.4). Of two devices with one name the first has it.
 */
export function guestNodes(devices: readonly BlockDevice[]): DevNode[] {
  const folders = FOLDERS.map(name => ({ name, type: 'directory' as const, mode: 0o755 }))
  const characters = CHARACTER_NODES.map(([name, devmajor, devminor]) => ({
    name,
    type: 'character-device' as const,
    mode: 0o666,
    devmajor,
    devminor,
  }))
  const links = Object.entries(LINKS).map(([name, linkname]) => linkNode(name, linkname))
  const all: DevNode[] = [...folders, ...characters, ...links, ...devices.map(blockNode), ...devices.flatMap(linkNodes)]
  const byName = new Map(all.toReversed().map(node => [node.name, node]))
  return [...byName.values()].toReversed()
}

function blockNode({ kernelPath, number }: BlockDevice): DevNode {
  const [devmajor = 0, devminor = 0] = number.split(':').map(Number)
  return { name: kernelPath.slice('/dev/'.length), type: 'block-device', mode: 0o660, devmajor, devminor }
}

function linkNode(name: string, linkname: string): DevNode {
  return { name, type: 'symlink', mode: 0o777, linkname }
}

function linkNodes({ kernelPath, content, partition, mapping }: BlockDevice): DevNode[] {
  const isOpen = content?.usage === 'filesystem' || content?.usage === 'other' || content?.usage === 'crypto'
  const volume = mapping?.volume
  const links = [
    ...(isOpen ? [`disk/by-uuid/${escapeName(content.uuid)}`, `disk/by-label/${escapeName(content.label)}`] : []),
    `disk/by-partuuid/${escapeName(partition?.uuid)}`,
    `disk/by-partlabel/${escapeName(partition?.label)}`,
    ...(mapping ? [`mapper/${escapeName(mapping.name)}`] : []),
    ...(volume && !volume.isHidden && plainName(mapping.name) === mapping.name
      ? [`${escapeName(volume.volumeGroup)}/${escapeName(volume.name)}`]
      : []),
  ]
  const named = links.filter(path => !path.endsWith('/') && !path.startsWith('/'))
  return named.map(path => linkNode(path, `${'../'.repeat(path.split('/').length - 1)}${kernelPath.slice('/dev/'.length)}`))
}

async function packNodes(nodes: readonly DevNode[]): Promise<Buffer> {
  const archive = pack()
  for (const node of nodes) archive.entry({ ...node, uid: 0, gid: 0 })
  archive.finalize()
  return buffer(archive)
}

/** As udev writes names in /dev/disk: what is not plain becomes `\x20`. A label is hostile: a slash or a newline must not get through. */
function escapeName(text = ''): string {
  const bytes = Buffer.from(text).toString('latin1')
  return bytes.replaceAll(/[^\w#+.:=@-]/g, char => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`).replace(/^\.+$/, '')
}
