import { InstarError } from '@instar/contract'
import type { Machine } from '@instar/machine'
import type { BlockDevice } from './block-device.ts'
import { parseLook } from './parse-look.ts'

/**
 * One process start answers four questions, since each costs 20-50 ms on an emulated machine; the shell's own words cost nothing. blkid
 * probes the devices themselves: its cache and udev's database may be older than what a script or we did a moment ago. It stops at the
 * first device on which it finds nothing (seen with 2.38), so it is asked again for those behind.
 */
const LOOK = `
[ -S /run/udev/control ] && udevadm settle --timeout=10
tree=$(lsblk --json --bytes --paths --output NAME,KNAME,MAJ:MIN,TYPE,SIZE,RO,MOUNTPOINT -- "$@") || exit 1
printf '%s' "$tree"
printf '\\036'
for disk; do if [ -L "$disk" ]; then realpath -- "$disk"; else echo "$disk"; fi; done
printf '\\036'
set -- $(printf '%s' "$tree" | sed -n 's/^ *"kname": *"\\([^"]*\\)".*/\\1/p')
while [ $# -gt 0 ]; do
  probed=$(blkid -p -o export -- "$@")
  printf '%s\\n\\n' "$probed"
  seen=1
  while read -r line; do case $line in DEVNAME=*) seen=$((seen+1));; esac; done <<END
$probed
END
  [ "$seen" -le $# ] || seen=$#
  shift "$seen"
done
printf '\\036'
for file in /sys/block/dm-*/dm/name /sys/block/dm-*/dm/uuid; do
  text=; read -r text 2>/dev/null < "$file" && printf '%s:%s\\n' "$file" "$text"
done
[ -S /run/udev/control ] && echo udev
exit 0
`

export interface Look {
  readonly devices: BlockDevice[]
  /** Device nodes are made by udev, and device-mapper waits for it. */
  readonly hasUdev: boolean
}

const MAX_BYTES = 8 * 2 ** 20
const LOOK_TIMEOUT_MS = 120_000

/** All devices on the given disks as they are now. Throws `storage.missing-disk` when a disk is not there. */
export async function lookAtDisks(machine: Machine, disks: readonly string[], signal: AbortSignal): Promise<Look> {
  const argv = ['sh', '-c', LOOK, 'look', ...disks]
  const result = await machine.run(argv, { signal, captureBytes: MAX_BYTES, timeoutMs: LOOK_TIMEOUT_MS })
  const parts = result.stdout.toString().split('\u001E')
  if (result.exitCode !== 0 || parts.length !== 4) {
    throw new InstarError('storage.missing-disk', `cannot look at ${disks.join(', ')} on ${machine.name}: ${result.stderrTail.trim()}`)
  }
  const [lsblk = '', realPaths = '', blkid = '', mapper = ''] = parts
  return { devices: parseLook({ lsblk, realPaths, blkid, mapper }), hasUdev: mapper.endsWith('udev\n') }
}
