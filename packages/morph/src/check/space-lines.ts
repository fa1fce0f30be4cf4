import type { CheckInput, FilesystemFact } from './check-input.ts'
import type { CheckLine } from './verdict.ts'

const MIB = 1024 * 1024
/** virt-v2v asks for 100 MB on / and 10 elsewhere; a share covers big systems, whose logs and packages are big too. */
const ROOT_MIN_BYTES = 100 * MIB
const ROOT_MIN_SHARE = 0.02
const OTHER_MIN_BYTES = 10 * MIB
const MIN_INODES = 100
/** A generic image is larger than the host-only one that it replaces. */
const REBUILD_FACTOR = 1.3
const REBUILD_EXTRA_BYTES = 20 * MIB

/** Room for what the morph would write, and the state of each file system. */
export function checkFilesystems(input: CheckInput): CheckLine[] {
  const lines = input.filesystems.flatMap(filesystem => [
    ...stateLine(filesystem),
    ...spaceLine(filesystem, neededBytes(input, filesystem)),
  ])
  if (lines.length > 0 || input.filesystems.length === 0) return lines
  return [{ area: 'space', state: 'ok', message: `${input.filesystems.map(({ at }) => at).join(', ')}: clean, with room for the morph` }]
}

function stateLine({ at, type, state }: FilesystemFact): CheckLine[] {
  if (state !== 'damaged') return []
  return [
    {
      area: 'filesystems',
      state: 'fatal',
      message: `the ${type} of ${at} is damaged`,
      hint: 'Repair it in a pre-mount script (e2fsck -y, xfs_repair), or at the source.',
    },
  ]
}

interface Need {
  readonly bytes: number
  readonly for: string
  /** Without it the morph cannot do what the boot needs. */
  readonly isVital: boolean
}

function neededBytes(input: CheckInput, filesystem: FilesystemFact): Need {
  const rebuilt = input.boot.kernels.filter(
    ({ verdict, initramfs }) => verdict.verdict === 'rebuild' && mountOf(input, initramfs ?? '/boot/x') === filesystem.at,
  )
  if (rebuilt.length > 0) {
    const largest = Math.max(...rebuilt.map(({ initramfsBytes }) => initramfsBytes))
    return { bytes: Math.ceil(largest * REBUILD_FACTOR) + REBUILD_EXTRA_BYTES, for: 'a new initramfs', isVital: true }
  }
  const [copy] = input.boot.fallback?.copies ?? []
  if (copy !== undefined && mountOf(input, copy.to) === filesystem.at) {
    return { bytes: input.boot.fallback?.neededBytes ?? 0, for: 'the fallback loader', isVital: true }
  }
  if (filesystem.type === 'vfat') return { bytes: 0, for: '', isVital: false }
  const isRoot = filesystem.at === '/'
  const bytes = isRoot ? Math.max(ROOT_MIN_BYTES, filesystem.sizeBytes * ROOT_MIN_SHARE) : OTHER_MIN_BYTES
  return { bytes, for: isRoot ? 'a running system' : 'the changes of the morph', isVital: false }
}

/** The longest mount point that holds the path. */
function mountOf({ filesystems }: CheckInput, path: string): string | undefined {
  const holds = (at: string): boolean => at === '/' || path === at || path.startsWith(`${at}/`)
  return filesystems
    .map(({ at }) => at)
    .filter(holds)
    .sort((left, right) => right.length - left.length)[0]
}

function spaceLine({ at, freeBytes, freeInodes }: FilesystemFact, need: Need): CheckLine[] {
  const hint = 'Make room at the source, or in a post-mount script.'
  const state = need.isVital ? ('fatal' as const) : ('warning' as const)
  const tight =
    freeBytes < need.bytes
      ? [
          {
            area: 'space' as const,
            state,
            message: `${at}: ${inMiB(need.bytes)} MiB needed for ${need.for}, free ${inMiB(freeBytes)} MiB`,
            hint,
          },
        ]
      : []
  const inodes =
    freeInodes !== undefined && freeInodes < MIN_INODES
      ? [{ area: 'space' as const, state: 'fatal' as const, message: `${at}: ${freeInodes} free inodes, needed ${MIN_INODES}`, hint }]
      : []
  return [...tight, ...inodes]
}

function inMiB(bytes: number): number {
  return Math.floor(bytes / MIB)
}
