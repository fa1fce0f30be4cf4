import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { allowedPlaces, blockNode, readChain, writeDurably, type MachineDisk } from '@instar/machine'
import { wipeKeys, type MorphReport } from '@instar/morph'
import { chooseScripts } from '../../morphing/choose-scripts.ts'
import {
  morphMachine,
  pointAfter,
  watchScripts,
  type MachineMorph,
  type MorphPlace,
  type ResumePoint,
} from '../../morphing/morph-machine.ts'
import { preflight } from '../../morphing/preflight.ts'
import { imageFile } from '../../replication/replica-record.ts'
import type { MorphingHalf, ProviderMorphRequest } from '../morphing-half.ts'
import type { DiskImagesTask } from './destination.ts'
import { diskKeys } from './disk-keys.ts'
import type { HostPaths } from './host-paths.ts'
import { createDisk, type InstanceInfo } from './instances.ts'
import { forgetWork, keepWork, takeKeptWork } from './kept-work.ts'
import { tellMorph } from './tell-morph.ts'
import type { DiskImagesConnection, DiskImagesDestination } from './settings.ts'

/** Says that the disks of a machine are morphed, for a task that is repeated, and how many scripts wait for its first boot. */
export const DONE_FILE = 'morphed.json'

interface Work {
  readonly call: DiskImagesTask
  readonly request: ProviderMorphRequest
  readonly info: InstanceInfo
  readonly place: MorphPlace
}

/** The appliance is started for each morph and ends with it: it is there in two seconds, and nothing of it can be left over. */
export function createMorphing(paths: HostPaths): MorphingHalf<DiskImagesConnection, DiskImagesDestination> {
  return {
    deployResources: async () => ({ resources: {}, connectionInfo: {}, morphingInfo: {} }),
    deleteResources: async () => undefined,
    morph: async (call, request) => {
      const info = request.instanceInfo as unknown as InstanceInfo
      if (await isThere(join(info.staging, DONE_FILE))) return
      const { recorder, runs } = watchScripts(request.recorder)
      const appliance = { ...paths, accel: call.environment.accel }
      const work = { call, request, info, place: { appliance, signal: call.signal, emit: tellMorph(call, request.emit), recorder } }
      const resumeAt = await prepareDisks(work)
      let report: MorphReport
      try {
        report = await morphDisks(work, resumeAt)
      } catch (error) {
        await keepFailed(work, pointAfter(error, runs(), resumeAt))
        throw error
      }
      await forgetWork(info.staging)
      await writeDurably(join(info.staging, DONE_FILE), `${JSON.stringify({ version: 1, first_boot_scripts: report.firstBootScripts })}\n`)
    },
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

async function morphDisks(work: Work, resumeAt: ResumePoint | undefined): Promise<MorphReport> {
  const { call, request, info, place } = work
  const { environment, signal } = call
  const keys = diskKeys(environment)
  try {
    const scripts = chooseScripts(request.userScripts, call.instance, request.exportInfo.os_type)
    for (const { script, reason } of scripts.notRun)
      call.event('WARNING', `Script ${script.name} (${script.phase}) will not run: ${reason}`)
    const firmware = environment.firmware
    const target = { bus: environment.bus, ...(firmware === undefined ? {} : { firmware }) }
    const root = environment.root === undefined ? {} : { root: environment.root }
    const files = info.disks.map(({ file }) => join(info.staging, file))
    if (resumeAt === undefined) {
      call.progress('Checking whether the machine will boot')
      await preflight(
        {
          disks: files.map(file => ({ file, allowBacking: [info.staging] })),
          keys,
          target,
          ...root,
          hasScripts: scripts.run.some(({ phase }) => phase === 'osmorphing_pre_os_mount' || phase === 'osmorphing_post_os_mount'),
          say: (level, message) => call.event(level, message),
        },
        place,
      )
    }
    const disks: MachineDisk[] = []
    for (const file of files) {
      const { links } = await readChain(file, 'qcow2', await allowedPlaces([info.staging]))
      disks.push({ file, format: 'qcow2', readOnly: false, node: blockNode(links) })
    }
    signal.throwIfAborted()
    const task: MachineMorph = {
      runId: call.key,
      exportInfo: request.exportInfo,
      instance: call.instance,
      disks,
      scripts,
      keys,
      target,
      settings: {
        network: environment.network,
        packages: { install: environment.install_packages, remove: environment.remove_packages },
        ...root,
      },
      ...(resumeAt === undefined ? {} : { resumeAt }),
    }
    const report = await morphMachine(task, place)
    call.event(
      'INFO',
      `${report.system}: ${report.scripts.length} script runs, ${report.firstBootScripts} scripts for the first boot, ${report.changed.length} files changed`,
    )
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

async function isThere(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  )
}
