import type { Emit, MachinePhase, ScriptRun } from '@instar/contract'
import type { Instance } from '@instar/contract/api'
import { openAppliance, type ApplianceOptions, type Machine, type MachineDisk } from '@instar/machine'
import { morph, resumePoint, type LuksKey, type MorphReport, type MorphRequest, type MorphTarget, type ScriptRecorder } from '@instar/morph'
import type { ChosenScripts } from './choose-scripts.ts'

/** What is to be done with the disks of a machine. */
export interface MachineMorph {
  readonly runId: string
  readonly exportInfo: Instance
  readonly instance: string
  readonly scripts: ChosenScripts
  readonly keys: readonly LuksKey[]
  readonly target: MorphTarget
  readonly settings: Pick<MorphRequest, 'packages'> & { readonly network: 'keep' | 'dhcp'; readonly root?: string }
  readonly resumeAt?: ResumePoint
}

export interface ResumePoint {
  readonly phase: MachinePhase
  readonly order: number
}

export interface MorphPlace {
  readonly appliance: Pick<ApplianceOptions, 'cacheDir' | 'runtimeDir' | 'accel'>
  readonly signal: AbortSignal
  readonly emit: Emit
  readonly recorder: ScriptRecorder
}

/** Morphs the OS on these disks, in an appliance of its own. The disks hold then what was done, also when it failed. */
export async function morphMachine(task: MachineMorph, disks: readonly MachineDisk[], place: MorphPlace): Promise<MorphReport> {
  const { signal, emit } = place
  const onProgress = (message: string) => emit({ kind: 'progress', message })
  await using machine = await openAppliance({ ...place.appliance, disks, signal, onProgress })
  return await morphOn(machine, task, place)
}

/** Morphs the OS on the disks that the machine has. */
export async function morphOn(machine: Machine, task: MachineMorph, { signal, emit, recorder }: MorphPlace): Promise<MorphReport> {
  return await morph(requestOf(task), { machine, signal, emit, recorder })
}

/** Keeps in mind which scripts ran, to tell where a failed morph can go on. */
export function watchScripts(recorder: ScriptRecorder): { readonly recorder: ScriptRecorder; readonly runs: () => readonly ScriptRun[] } {
  const runs = new Map<string, ScriptRun>()
  return {
    runs: () => [...runs.values()],
    recorder: {
      open: async (run, payload) => {
        runs.set(run.id, run)
        const log = await recorder.open(run, payload)
        return {
          place: log.place,
          write: (stream, piece) => log.write(stream, piece),
          close: async done => {
            runs.set(done.id, done)
            await log.close(done)
          },
        }
      },
    },
  }
}

/** The script that a failed morph goes on with; none where it failed before any. */
export function pointAfter(error: unknown, runs: readonly ScriptRun[], begunAt: ResumePoint | undefined): ResumePoint | undefined {
  const details = (error as { details?: Readonly<Record<string, unknown>> } | undefined)?.details ?? {}
  // Phases in records are canonical names.
  return resumePoint({ details, scripts: runs, begunAt }) as ResumePoint | undefined
}

function requestOf(task: MachineMorph): MorphRequest {
  const { settings, exportInfo } = task
  return {
    runId: task.runId,
    instance: task.instance,
    scripts: task.scripts.run,
    secrets: task.scripts.secrets,
    keys: task.keys,
    target: task.target,
    // The new machine's cards have the addresses of the old ones.
    network: {
      policy: settings.network,
      nics: exportInfo.devices.nics.flatMap(({ mac_address: mac }) =>
        mac === null ? [] : [{ oldMac: mac.toLowerCase(), newMac: mac.toLowerCase() }],
      ),
    },
    packages: settings.packages,
    skipOsMorphing: false,
    ...(settings.root === undefined ? {} : { root: settings.root }),
    ...(task.resumeAt === undefined ? {} : { resumeAt: task.resumeAt }),
  }
}
