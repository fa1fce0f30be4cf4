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
  let machine: Machine
  try {
    machine = await (options.minion === undefined ? startAppliance(context, wanted) : logIn(context, options.minion, options))
  } catch (error) {
    emit({ kind: 'step', step, state: 'failed' })
    throw error
  }
  emit({
    kind: 'step',
    step,
    state: 'succeeded',
    message: `${step}: ${machine.name}, ${layers.length || (options.device?.length ?? 0)} disks`,
  })
  return machine
}

async function logIn(context: Context, url: string, options: Pick<MorphOptions, 'device' | 'sshConfig'>): Promise<Machine> {
  return openSshMachine({
    url,
    devices: options.device ?? [],
    signal: context.signal,
    ...(options.sshConfig === undefined ? {} : { configFile: resolve(context.cwd, options.sshConfig) }),
  })
}

async function startAppliance(context: Context, { options, layers, emit }: Parameters<typeof openMinion>[1]): Promise<Machine> {
  return openAppliance({
    cacheDir: context.paths.cacheDir,
    runtimeDir: context.paths.runtimeDir,
    // With the whole chain named, QEMU follows no reference inside an image.
    disks: layers.map(({ file, node }) => ({ file, format: 'qcow2', readOnly: false, node })),
    accel: options.accel,
    signal: context.signal,
    onProgress: message => emit({ kind: 'progress', message }),
    ...(options.memory === undefined ? {} : { memoryMiB: options.memory }),
  })
}
