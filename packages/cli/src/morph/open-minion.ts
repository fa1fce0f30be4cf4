import { resolve } from 'node:path'
import type { Emit } from '@instar/contract'
import { openAppliance, openSshMachine, type Layer, type Machine } from '@instar/machine'
import type { MorphOptions } from '../commands/morph.ts'
import type { Context } from '../context.ts'

/** The machine that holds the disks: the appliance with the layers attached, or the one that `--minion` names. */
export async function openMinion(
  context: Context,
  wanted: { options: Pick<MorphOptions, 'minion' | 'device' | 'sshConfig' | 'accel' | 'memory'>; layers: readonly Layer[]; emit: Emit },
): Promise<Machine> {
  const { options, layers, emit } = wanted
  const step = options.minion === undefined ? 'Starting the appliance' : `Logging in to ${options.minion}`
  emit({ kind: 'step', step, state: 'started' })
  const building = createBuildingStep(emit)
  let machine: Machine
  try {
    machine = await (options.minion === undefined
      ? startAppliance(context, { ...wanted, onProgress: building.tell })
      : logIn(context, options.minion, options))
  } catch (error) {
    building.end('failed')
    emit({ kind: 'step', step, state: 'failed' })
    throw error
  }
  const disks = layers.length || (options.device?.length ?? 0)
  emit({ kind: 'step', step, state: 'succeeded', message: `${step}: ${machine.name}, ${disks} ${disks === 1 ? 'disk' : 'disks'}` })
  return machine
}

/** A step of its own for what happens once on a machine and takes long; it begins with the first percentage. */
function createBuildingStep(emit: Emit) {
  const step = 'Building the appliance'
  let isBegun = false
  const end = (state: 'succeeded' | 'failed') => {
    if (isBegun) emit({ kind: 'step', step, state })
    isBegun = false
  }
  return {
    end,
    tell: (message: string, percent?: number) => {
      if (percent === undefined) end('succeeded')
      else if (!isBegun) emit({ kind: 'step', step, state: 'started' })
      isBegun = percent !== undefined
      emit({ kind: 'progress', message, ...(percent === undefined ? {} : { step, percent }) })
    },
  }
}

async function logIn(context: Context, url: string, options: Pick<MorphOptions, 'device' | 'sshConfig'>): Promise<Machine> {
  return openSshMachine({
    url,
    devices: options.device ?? [],
    signal: context.signal,
    ...(options.sshConfig === undefined ? {} : { configFile: resolve(context.cwd, options.sshConfig) }),
  })
}

async function startAppliance(
  context: Context,
  {
    options,
    layers,
    onProgress,
  }: Omit<Parameters<typeof openMinion>[1], 'emit'> & { onProgress: (message: string, percent?: number) => void },
): Promise<Machine> {
  return openAppliance({
    cacheDir: context.paths.cacheDir,
    runtimeDir: context.paths.runtimeDir,
    // With the whole chain named, QEMU follows no reference inside an image.
    disks: layers.map(({ file, node }) => ({ file, format: 'qcow2', readOnly: false, node })),
    accel: options.accel,
    signal: context.signal,
    onProgress,
    ...(options.memory === undefined ? {} : { memoryMiB: options.memory }),
  })
}
