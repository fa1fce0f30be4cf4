import type { Machine } from '@instar/machine'
import type { BlockDevice } from './block-device.ts'

/** Members of one array that no array uses yet. */
export interface FoundArray {
  readonly uuid: string
  /** "host:name" as the superblock has it; metadata 0.90 has none. */
  readonly label?: string
  readonly members: readonly string[]
}

interface MdScope {
  readonly machine: Machine
  readonly env: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

const ASSEMBLE_TIMEOUT_MS = 120_000

/**
 * Started read-only, told not to resynchronise, then made writable: a copy of a running machine is nearly always marked dirty, and a
 * resync would write the whole disk into the layer that holds our changes. The guest does it at its next boot.
 */
const ASSEMBLE = `
node=$1; name=\${1##*/}; uuid=$2; shift 2
mdadm --assemble "$node" --run --readonly --uuid="$uuid" --config=/dev/null "$@" || exit 1
echo frozen > "/sys/block/$name/md/sync_action" 2>/dev/null
mdadm --readwrite "$node" && printf '%s\\n' "$(cat "/sys/block/$name/md/degraded" 2>/dev/null)"
`

/** Arrays of which members are there but that do not run. */
export function findArrays(devices: readonly BlockDevice[]): FoundArray[] {
  const used = new Set(devices.filter(({ kind }) => kind === 'md').flatMap(({ parents }) => parents))
  const members = devices.filter(({ content, kernelPath }) => content?.type === 'linux_raid_member' && !used.has(kernelPath))
  return [...Map.groupBy(members, ({ content }) => content?.uuid ?? '')].map(([uuid, group]) => {
    const label = group[0]?.content?.label
    return { uuid, ...(label && { label }), members: group.map(({ kernelPath }) => kernelPath) }
  })
}

/**
 * Assembles an array on the given members only, under a number that is free on the machine. A degraded array is started read-write: on
 * the new machine it will lack the same member. Never forced: members that disagree are the user's decision. Returns a warning, if any.
 */
export async function assembleArray(array: FoundArray, node: string, scope: MdScope): Promise<string | undefined> {
  const { machine, env, signal } = scope
  const argv = ['sh', '-c', ASSEMBLE, 'assemble', node, mdadmUuid(array.uuid), ...array.members]
  const result = await machine.run(argv, { signal, env, captureBytes: 4096, timeoutMs: ASSEMBLE_TIMEOUT_MS })
  const what = `the RAID array ${array.label ?? array.uuid} on ${array.members.join(', ')}`
  if (result.exitCode !== 0) return `${what} cannot be started: ${result.stderrTail.trim()}`
  const missing = Number(result.stdout.toString().trim())
  return missing > 0 ? `${what} is degraded (${missing} members missing) and was started without them` : undefined
}

/** mdadm groups the 32 digits by colons where blkid has dashes. */
function mdadmUuid(uuid: string): string {
  return uuid.replaceAll('-', '').replaceAll(/(.{8})(?=.)/g, '$1:')
}

/** Numbers from 127 down, as mdadm gives to arrays that are not its own. */
export function freeArrayNode(devices: readonly BlockDevice[], taken: ReadonlySet<string>): string {
  const used = new Set([...devices.map(({ kernelPath }) => kernelPath), ...taken])
  for (let number = 127; number >= 0; number--) if (!used.has(`/dev/md${number}`)) return `/dev/md${number}`
  return '/dev/md128'
}
