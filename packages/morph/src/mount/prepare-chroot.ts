import { InstarError } from '@instar/contract'
import type { Machine } from '@instar/machine'
import type { BlockDevice } from '../storage/block-device.ts'
import { plainName } from '../storage/group-names.ts'
import { mountsBelow } from './mountinfo.ts'
import { RESOLVE_IN } from './resolve-in-root.ts'

/**
 * What programs of the guest need around them, and nothing of the minion: an own /dev with the guest's disks only, /proc, a read-only /sys
 * with the firmware hidden (a UEFI minion made BIOS guests install boot entries, a UEFI guest's would end in the minion's NVRAM), an empty
 * /run (no /run/systemd/system: nothing believes that systemd runs). Reads lines of `node PATH MAJOR MINOR` and `link PATH TARGET`.
 */
const PREPARE = `${RESOLVE_IN}
root=$1
place() { resolve_in "$root" "$1" && { [ -d "$root$at" ] || mkdir -p -- "$root$at"; } || exit 72; }
place /dev; dev=$root$at
mount -t tmpfs -o mode=755,nosuid,size=4m dev "$dev" || exit 73
mkdir "$dev/pts" "$dev/shm" "$dev/mapper" "$dev/disk"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$dev/pts" || exit 73
mount -t tmpfs -o mode=1777,nosuid,nodev shm "$dev/shm" || exit 73
for node in 'null 3' 'zero 5' 'full 7' 'random 8' 'urandom 9'; do mknod -m 666 "$dev/\${node% *}" c 1 "\${node#* }"; done
mknod -m 666 "$dev/tty" c 5 0
ln -s /proc/self/fd "$dev/fd"; ln -s /proc/self/fd/0 "$dev/stdin"; ln -s /proc/self/fd/1 "$dev/stdout"; ln -s /proc/self/fd/2 "$dev/stderr"
ln -s pts/ptmx "$dev/ptmx"
while read -r kind path a b; do
  case $path in */*) mkdir -p "$dev/\${path%/*}";; esac
  case $kind in node) mknod -m 660 "$dev/$path" b "$a" "$b" || exit 73;; link) ln -sf "$a" "$dev/$path";; esac
done
place /proc; mount -t proc proc "$root$at" || exit 73
place /sys; mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root$at" || exit 73
[ ! -d "$root$at/firmware" ] || mount -t tmpfs -o ro,size=4k firmware "$root$at/firmware" || exit 73
place /run; mount -t tmpfs -o mode=755,nosuid,nodev run "$root$at" || exit 73
mkdir -m 1777 "$root$at/lock"
exit 0
`
const CLOSE_TIMEOUT_MS = 30_000

/**
 * Sets up /dev, /proc, /sys and /run inside a mounted guest for programs that run there by chroot. Disposing takes them away again, if
 * `mountGuest` has not done so already. Throws `morph.mount-missing` when one cannot be set up.
 */
export async function prepareChroot(
  machine: Machine,
  { at, devices }: { at: string; devices: readonly BlockDevice[] },
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  const list = () => listMounts(machine, at, AbortSignal.timeout(CLOSE_TIMEOUT_MS))
  const before = new Set(await list())
  const close = async (): Promise<void> => {
    const added = (await list()).filter(point => !before.has(point))
    if (added.length === 0) return
    const result = await machine.run(['umount', '--', ...added.toReversed()], { signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) })
    if (result.exitCode !== 0) throw new InstarError('morph.busy', `cannot unmount ${added.join(', ')}: ${result.stderrTail.trim()}`)
  }
  await using undo = new AsyncDisposableStack()
  undo.defer(close)
  const result = await machine.run(['sh', '-c', PREPARE, 'prepare', at], { signal, stdin: guestNodes(devices) })
  if (result.exitCode !== 0) {
    throw new InstarError('morph.mount-missing', `cannot prepare ${at} for programs of the guest: ${result.stderrTail.trim()}`)
  }
  const release = undo.move()
  return { [Symbol.asyncDispose]: () => release.disposeAsync() }
}

async function listMounts(machine: Machine, at: string, signal: AbortSignal): Promise<string[]> {
  const result = await machine.run(['cat', '/proc/self/mountinfo'], { signal, captureBytes: 4 * 2 ** 20 })
  return mountsBelow(result.stdout.toString(), at)
}

/**
 * The device nodes and links that the guest's tools look for, as the prepare script reads them: grub-mkconfig writes UUIDs only where
 * /dev/disk/by-uuid exists (appliance.md 0.4).
 */
export function guestNodes(devices: readonly BlockDevice[]): string {
  return devices.flatMap(device => [nodeLine(device), ...linkLines(device)]).join('')
}

function nodeLine({ kernelPath, number }: BlockDevice): string {
  return `node ${kernelPath.slice('/dev/'.length)} ${number.replace(':', ' ')}\n`
}

function linkLines({ kernelPath, content, partition, mapping }: BlockDevice): string[] {
  const name = kernelPath.slice('/dev/'.length)
  const isOpen = content?.usage === 'filesystem' || content?.usage === 'other' || content?.usage === 'crypto'
  const links = [
    ...(isOpen ? [`disk/by-uuid/${escapeName(content.uuid)}`, `disk/by-label/${escapeName(content.label)}`] : []),
    `disk/by-partuuid/${escapeName(partition?.uuid)}`,
    `disk/by-partlabel/${escapeName(partition?.label)}`,
    ...(mapping ? [`mapper/${escapeName(mapping.name)}`] : []),
    ...(mapping?.volume && !mapping.volume.isHidden && plainName(mapping.name) === mapping.name
      ? [`${escapeName(mapping.volume.volumeGroup)}/${escapeName(mapping.volume.name)}`]
      : []),
  ]
  return links.filter(path => !path.endsWith('/')).map(path => `link ${path} ${'../'.repeat(path.split('/').length - 1)}${name}\n`)
}

/** As udev writes names in /dev/disk: what is not plain becomes `\x20`. A label is hostile: a slash or a newline must not get through. */
function escapeName(text = ''): string {
  const bytes = Buffer.from(text).toString('latin1')
  return bytes.replaceAll(/[^\w#+.:=@-]/g, char => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`).replace(/^\.+$/, '')
}
