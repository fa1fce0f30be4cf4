import { InstarError } from '@instar/contract'
import type { Machine } from '@instar/machine'
import type { BlockDevice } from '../storage/block-device.ts'

/** State of a filesystem before it is mounted. */
export interface FilesystemState {
  readonly device: string
  readonly state: 'clean' | 'repaired' | 'unknown' | 'damaged'
  readonly message: string
}

/** e2fsck's journal replay and safe repairs, several filesystems in one process start; its exit code stands behind its output. */
const CHECK = `
for device; do
  printf '\\036%s\\n' "$device"
  { e2fsck -p -- "$device" 2>&1; echo "=$?"; } | tail -c 2048
done
`
const CHECK_TIMEOUT_MS = 1_800_000

/**
 * Replays journals and does the repairs that need no decision. xfs and btrfs do it when they are mounted; vfat is marked dirty more often
 * than not. Nothing is judged here: a damaged filesystem matters only where it is needed.
 */
export async function checkFilesystems(
  machine: Machine,
  devices: readonly BlockDevice[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, FilesystemState>> {
  const ext = devices.filter(({ content }) => /^ext[234]$/.test(content?.type ?? '')).map(({ kernelPath }) => kernelPath)
  if (ext.length === 0) return new Map()
  const options = { signal, captureBytes: 2 ** 20, timeoutMs: CHECK_TIMEOUT_MS }
  const result = await machine.run(['sh', '-c', CHECK, 'check', ...ext], options)
  if (result.timedOut) throw new InstarError('morph.damaged-filesystem', `the check of ${ext.join(', ')} took more than 30 minutes`)
  return new Map(parseChecks(result.stdout.toString()).map(state => [state.device, state]))
}

/** Exit codes of e2fsck: 0 clean, 1 repaired, 2 repaired and a reboot advised, 4 errors left, 8 not checked, 32 cancelled (a sum of bits). */
export function parseChecks(output: string): FilesystemState[] {
  return output
    .split('\u001E')
    .slice(1)
    .map(part => {
      const [device = '', ...rest] = part.trimEnd().split('\n')
      const code = Number(/^=(\d+)$/.exec(rest.at(-1) ?? '')?.[1] ?? Number.NaN)
      const message = rest.slice(0, -1).join('\n').trim()
      return { device, state: stateOf(code), message }
    })
}

function stateOf(code: number): FilesystemState['state'] {
  if (code === 0) return 'clean'
  if (code === 1 || code === 2 || code === 3) return 'repaired'
  // What could not be checked (a newer feature) may still mount: the kernel decides.
  return Number.isFinite(code) && (code & 4) !== 0 ? 'damaged' : 'unknown'
}
