import type { Emit } from '@instar/contract'
import type { Machine } from '@instar/machine'
import type { BootFacts } from './boot/inspect-boot.ts'
import type { Verdict } from './check/verdict.ts'
import { describeGuest, detectGuest, type GuestFacts } from './detect/detect.ts'
import { readBootFacts } from './fit/boot-facts.ts'
import { judgeBoot } from './fit/judge-boot.ts'
import { partitionFacts } from './fit/partition-facts.ts'
import { reportStorage, type StorageReport } from './mount/inspect-storage.ts'
import { mountGuest } from './mount/mount-guest.ts'
import type { MorphTarget } from './request.ts'
import { runStep } from './step.ts'
import { discoverStorage } from './storage/discover.ts'
import type { LuksKey } from './storage/keys.ts'
import { loadTree } from './tree/load.ts'

interface LookRequest {
  readonly keys: readonly LuksKey[]
  readonly root?: string
  readonly target: MorphTarget
}

interface LookWorld {
  readonly machine: Machine
  readonly signal: AbortSignal
  readonly emit: Emit
}

/** What is on a machine's disks and whether it will boot. */
export interface LookResult {
  readonly storage: StorageReport
  readonly facts: GuestFacts
  /** The same for people, a line each. */
  readonly description: string
  /** Absent for a guest that is no Linux. */
  readonly boot?: BootFacts
  readonly verdict?: Verdict
}

/** Looks at a guest without running anything of it. The disks are written to (journals are replayed), so give it throw-away layers. */
export async function lookAtGuest(request: LookRequest, world: LookWorld): Promise<LookResult> {
  const { machine, signal, emit } = world
  await using storage = await runStep(emit, 'Opening the storage', () =>
    discoverStorage(machine, { disks: machine.devices, keys: request.keys, signal, emit }),
  )
  await using guest = await mountGuest(machine, storage, {
    at: '/mnt/instar-look',
    signal,
    emit,
    ...(request.root === undefined ? {} : { root: request.root }),
  })
  const tree = await runStep(emit, "Reading the guest's files", () => loadTree(machine, guest.at, { signal }))
  const facts = detectGuest(tree, { partitions: partitionFacts(storage) })
  const seen = { storage: reportStorage(storage, guest), facts, description: describeGuest(facts) }
  if (facts.osType !== 'linux') return seen
  return await runStep(emit, 'Checking whether it will boot', async () => {
    const open = { storage, guest, facts }
    const boot = await readBootFacts({ machine, signal, request }, open, { tree, changedFiles: [] })
    return { ...seen, boot, verdict: await judgeBoot({ machine, signal, request }, open, { tree, boot, warnings: [] }) }
  })
}
