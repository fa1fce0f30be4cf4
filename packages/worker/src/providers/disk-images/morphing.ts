import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { writeDurably } from '@instar/machine'
import { changesOf, wipeKeys, type MorphReport } from '@instar/morph'
import { chooseScripts } from '../../morphing/choose-scripts.ts'
import {
  morphMachine,
  morphOn,
  pointAfter,
  watchScripts,
  type MachineMorph,
  type MorphPlace,
  type ResumePoint,
} from '../../morphing/morph-machine.ts'
import { openOnLayers, preflight, type PreflightMachine } from '../../morphing/preflight.ts'
import { imageFile } from '../../replication/replica-record.ts'
import type { MorphingHalf, ProviderMorphRequest } from '../morphing-half.ts'
import type { DiskImagesTask } from './destination.ts'
import { diskKeys, hintAtKeys } from './disk-keys.ts'
import type { HostPaths } from './host-paths.ts'
import { createDisk, type InstanceInfo } from './instances.ts'
import { forgetWork, keepWork, takeKeptWork } from './kept-work.ts'
import { machineDisks } from './machine-disks.ts'
import { minionId, tellGone } from './minion-pool.ts'
import { tellMorph } from './tell-morph.ts'
import type { DiskImagesConnection, DiskImagesDestination } from './settings.ts'
import type { WarmAppliances } from './warm-appliances.ts'

/** Says that the disks of a machine are morphed, for a task that is repeated, how many scripts wait for its first boot, and what was done to its OS. */
export const DONE_FILE = 'morphed.json'

interface Work {
  readonly call: DiskImagesTask
  readonly request: ProviderMorphRequest
  readonly info: InstanceInfo
  readonly place: MorphPlace
}

/**
 * A minion of its own is started for each morph and ends with it: it is there in half a second, and nothing of it can be left over. One of a
 * pool runs already.
 */
export function createMorphing(paths: HostPaths, warm: WarmAppliances): MorphingHalf<DiskImagesConnection, DiskImagesDestination> {
  return {
    deployResources: async () => ({ resources: {}, connectionInfo: {}, morphingInfo: {} }),
    deleteResources: async () => undefined,
    morph: async (call, request) => {
      const info = request.instanceInfo as unknown as InstanceInfo
      if (await isThere(join(info.staging, DONE_FILE))) return
      const { recorder, runs } = watchScripts(request.recorder)
      const appliance = { ...paths, accel: call.environment.accel }
      const work = { call, request, info, place: { appliance, signal: call.signal, emit: tellMorph(call, request.emit), recorder } }
      const minion = chooseMinion(work, warm)
      const resumeAt = await minion.prepare()
      let report: MorphReport
      try {
        report = await morphDisks(work, minion, resumeAt)
        await minion.release()
      } catch (error) {
        // Nobody writes to the disks any more when they are kept.
        await minion.release().catch(() => undefined)
        await keepFailed(work, pointAfter(error, runs(), resumeAt))
        throw hintAtKeys(error)
      }
      await forgetWork(info.staging)
      const done = { version: 1, first_boot_scripts: report.firstBootScripts, changes: changesOf(report) }
      await writeDurably(join(info.staging, DONE_FILE), `${JSON.stringify(done)}\n`)
    },
  }
}

/** What does a morph's work on the disks. */
interface MorphMinion {
  /** The disks are as the morph has to find them. Gives where kept work goes on. */
  prepare(): Promise<ResumePoint | undefined>
  openForLook(): Promise<PreflightMachine>
  morph(task: MachineMorph): Promise<MorphReport>
  /** All that was written is in the files when this returns; again for one that has done so does nothing. */
  release(): Promise<void>
}

function chooseMinion(work: Work, warm: WarmAppliances): MorphMinion {
  const id = minionId(work.request.resources)
  if (id === undefined) return ownMinion(work)
  if (warm.has(id)) return pooledMinion(work, warm, id)
  tellGone(work.call)
  return ownMinion(work)
}

function ownMinion(work: Work): MorphMinion {
  const { info, place } = work
  return {
    prepare: () => prepareDisks(work),
    openForLook: () =>
      openOnLayers(
        filesOf(info).map(file => ({ file, allowBacking: [info.staging] })),
        place,
      ),
    morph: async task => morphMachine(task, await machineDisks(info), place),
    release: async () => undefined,
  }
}

/** The disks are plugged in already, unless something was done with them since: then they are made, and plugged into a fresh minion, again. */
function pooledMinion(work: Work, warm: WarmAppliances, id: string): MorphMinion {
  const { call, request, info, place } = work
  const owner = info.staging
  return {
    prepare: async () => {
      if (request.resumeFrom === undefined && warm.isReadyFor(id, owner)) return undefined
      await warm.renew(id, call.signal)
      const resumeAt = await prepareDisks(work)
      await warm.plug(id, { owner, disks: await machineDisks(info), signal: call.signal })
      return resumeAt
    },
    openForLook: async () => ({ machine: warm.use(id, owner), [Symbol.asyncDispose]: async () => undefined }),
    morph: task => morphOn(warm.use(id, owner), task, place),
    release: () => warm.unplug(id),
  }
}

/** Disks as the replica has them, or those of the deployment that this one goes on with. What an attempt that was cut off did is thrown away. */
async function prepareDisks({ call, request, info }: Work): Promise<ResumePoint | undefined> {
  if (request.resumeFrom !== undefined) {
    const wanted = { deploymentId: request.resumeFrom, generations: info.disks.map(({ generation }) => generation) }
    const resumeAt = await takeKeptWork(info.staging, info.keepFolder, wanted)
    call.event(
      'INFO',
      resumeAt === undefined ? 'Going on with the kept disks' : `Going on at script ${resumeAt.order} of ${resumeAt.phase}`,
    )
    return resumeAt
  }
  for (const { file, generation } of info.disks) {
    const name = basename(file, '.qcow2')
    await createDisk(info.staging, { name, base: imageFile(join(info.staging, `${name}.base`), generation), signal: call.signal })
  }
  return undefined
}

async function morphDisks(work: Work, minion: MorphMinion, resumeAt: ResumePoint | undefined): Promise<MorphReport> {
  const { call, request, place } = work
  const { environment, signal } = call
  const keys = diskKeys(environment)
  try {
    const scripts = chooseScripts(request.userScripts, call.instance, request.exportInfo.os_type)
    for (const { script, reason } of scripts.notRun)
      call.event('WARNING', `Script ${script.name} (${script.phase}) will not run: ${reason}`)
    const firmware = environment.firmware
    const target = { bus: environment.bus, ...(firmware === undefined ? {} : { firmware }) }
    const root = environment.root === undefined ? {} : { root: environment.root }
    if (resumeAt === undefined) {
      call.progress('Checking whether the machine will boot')
      const hasScripts = scripts.run.some(({ phase }) => phase === 'osmorphing_pre_os_mount' || phase === 'osmorphing_post_os_mount')
      const check = { keys, target, ...root, hasScripts, say: call.event.bind(call) }
      await preflight(check, () => minion.openForLook(), place)
    }
    signal.throwIfAborted()
    const report = await minion.morph({
      runId: call.key,
      exportInfo: request.exportInfo,
      instance: call.instance,
      scripts,
      keys,
      target,
      settings: {
        network: environment.network,
        packages: { install: environment.install_packages, remove: environment.remove_packages },
        ...root,
      },
      ...(resumeAt === undefined ? {} : { resumeAt }),
    })
    call.event(
      'INFO',
      `${report.system}: ${report.scripts.length} script runs, ${report.firstBootScripts} scripts for the first boot, ${report.changed.length} files changed`,
    )
    for (const { step, changes } of changesOf(report).steps) call.event('INFO', `${step}: ${changes.join('; ')}`)
    return report
  } finally {
    wipeKeys(keys)
  }
}

/** What was done so far is kept for the next deployment where the user wants it; the replica never knew of it. A cancel keeps nothing. */
async function keepFailed({ call, request, info }: Work, resumeAt: ResumePoint | undefined): Promise<void> {
  const { deploymentId } = request
  if (!call.environment.keep_on_error || deploymentId === undefined || call.signal.aborted) return
  const generations = info.disks.map(({ generation }) => generation)
  const isKept = await keepWork(info.staging, info.keepFolder, {
    version: 1,
    deployment_id: deploymentId,
    generations,
    resume_at: resumeAt ?? null,
  })
  if (isKept) call.event('INFO', `The work so far is kept: a deployment with resume_from ${deploymentId} goes on with it`)
  else call.event('WARNING', `The work so far is not kept: ${info.keepFolder} is on another file system`)
}

function filesOf({ staging, disks }: InstanceInfo): string[] {
  return disks.map(({ file }) => join(staging, file))
}

async function isThere(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  )
}
