import { InstarError } from '@instar/contract'
import { ImageCache } from './boot/initramfs/image-cache.ts'
import { detectGuest, type GuestFacts } from './detect/detect.ts'
import { readBootFacts } from './fit/boot-facts.ts'
import { fitGuest, type FitResult } from './fit/fit-guest.ts'
import { judgeBoot } from './fit/judge-boot.ts'
import { partitionFacts } from './fit/partition-facts.ts'
import { registerScripts } from './fit/register-scripts.ts'
import { mountGuest, type MountedGuest } from './mount/mount-guest.ts'
import { prepareChroot } from './mount/prepare-chroot.ts'
import type { MorphReport } from './report.ts'
import type { MorphRequest, MorphWorld } from './request.ts'
import { placeSecrets } from './scripts/secrets.ts'
import { MorphSession } from './session.ts'
import { runStep } from './step.ts'
import { discoverStorage } from './storage/discover.ts'
import type { Storage } from './storage/storage.ts'
import type { GuestTree } from './tree/guest-tree.ts'
import { loadTree } from './tree/load.ts'

/** How long what pre-mount scripts left running has to end, after a cancel too. */
const END_SURVIVORS_TIMEOUT_MS = 15_000

/** A guest whose file systems are mounted, and what is known of it. */
export interface OpenGuest {
  readonly storage: Storage
  readonly guest: MountedGuest
  readonly facts: GuestFacts
  readonly images?: ImageCache
}

/**
 * The whole move of one machine's OS, on disks that the minion holds: scripts before the mount, storage opened, OS mounted and recognised,
 * scripts after the mount, OS fitted to its new platform, scripts before the dismount, first-boot scripts registered, all closed again.
 *
 * Throws what ended it, with everything closed; the disks hold then what was done so far, and it is for the caller to throw their layer away.
 */
export async function morph(request: MorphRequest, world: MorphWorld): Promise<MorphReport> {
  const session = new MorphSession(request, world)
  const { machine, signal } = world
  await using _secrets = await placeSecrets(machine, { dir: session.secretsDir, secrets: request.secrets }, signal)
  // What pre-mount scripts left running may hold the disks up, so it is ended after everything on them is closed.
  await using _survivors = {
    [Symbol.asyncDispose]: async () => {
      await machine.endSurvivors(AbortSignal.timeout(END_SURVIVORS_TIMEOUT_MS))
    },
  }
  return await session.tellingOfFailure(async () => {
    if (!request.skipOsMorphing) await session.runPhase('osmorphing_pre_os_mount')
    await using storage = await openStorage(session)
    await using guest = await mountGuest(machine, storage, mountOptions(session))
    return await session.tellingOfFailure(() => morphMounted(session, storage, guest))
  })
}

function openStorage({ machine, request, signal, emit }: MorphSession): Promise<Storage> {
  return runStep(emit, 'Opening the storage', () => discoverStorage(machine, { disks: machine.devices, keys: request.keys, signal, emit }))
}

async function morphMounted(session: MorphSession, storage: Storage, guest: MountedGuest): Promise<MorphReport> {
  const { machine, request, signal } = session
  session.warnings.push(...storage.warnings, ...guest.warnings)
  session.learn({ root: guest.at })
  const before = await readTree(session, guest)
  const facts = await recognise(session, storage, before)
  session.learn({ distro: distroOf(facts) })
  const open = { storage, guest, facts, images: new ImageCache(machine) }
  if (request.skipOsMorphing) return finish(session, open, { changed: [], isUnchanged: true, steps: [], tree: before })

  await warnOfObstacles(session, open, before)
  // It goes with the guest's file systems.
  await prepareChroot(machine, { at: guest.at, devices: storage.devices }, signal)
  const ran = await session.runPhase('osmorphing_post_os_mount')
  // Scripts may have changed anything, so the guest is read anew.
  const tree = ran === 0 ? before : await readTree(session, guest)
  const fitted = await fitGuest(session, open, tree)
  const ranLast = await session.runPhase('osmorphing_pre_os_dismount')
  return await finish(session, open, { ...fitted, tree: ranLast === 0 ? fitted.tree : undefined })
}

async function finish(session: MorphSession, open: OpenGuest, fitted: FitResult): Promise<MorphReport> {
  const registered = await registerScripts(session, open, { distro: distroOf(open.facts), tree: fitted.tree })
  return {
    system: open.facts.name,
    scripts: session.scripts,
    firstBootScripts: registered.scripts,
    changed: [...fitted.changed, ...registered.changed],
    isUnchanged: fitted.isUnchanged && registered.changed.length === 0 && session.scripts.length === 0 && !isRepaired(open.guest),
    steps: fitted.steps,
    warnings: session.warnings,
  }
}

/** The verdict on the guest as it came: what would keep it from booting, and what of that the morph cannot mend, before any work is done. */
async function warnOfObstacles(session: MorphSession, open: OpenGuest, tree: GuestTree): Promise<void> {
  await runStep(session.emit, 'Checking whether it will boot', async () => {
    const boot = await readBootFacts(session, open, { tree, changedFiles: [] })
    const verdict = await judgeBoot(session, open, { tree, boot, warnings: [] })
    for (const { message, state, isFixedByMorph } of verdict.lines) if (state === 'fatal' && isFixedByMorph !== true) session.warn(message)
  })
}

function readTree({ machine, signal, emit }: MorphSession, guest: MountedGuest): Promise<GuestTree> {
  return runStep(emit, "Reading the guest's files", () => loadTree(machine, guest.at, { signal }))
}

async function recognise(session: MorphSession, storage: Storage, tree: GuestTree): Promise<GuestFacts> {
  return runStep(session.emit, 'Recognising the OS', () => {
    const facts = detectGuest(tree, { partitions: partitionFacts(storage) })
    if (facts.osType !== 'linux') throw new InstarError('guest.unsupported', `the disks hold ${facts.name}, which is not morphed yet`)
    return facts
  })
}

function mountOptions({ request, signal, emit }: MorphSession): Parameters<typeof mountGuest>[2] {
  return { at: `/mnt/instar-${request.runId}`, signal, emit, ...(request.root === undefined ? {} : { root: request.root }) }
}

/** By e2fsck, before it was mounted: that is worth keeping. */
function isRepaired({ states }: MountedGuest): boolean {
  return states.some(({ state }) => state === 'repaired')
}

function distroOf({ distribution }: GuestFacts): string {
  return distribution === undefined ? '' : `${distribution.id} ${distribution.version}`.trim()
}
