import { chmod, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { InstarError } from '@instar/contract'
import type { Instance } from '@instar/contract/api'
import { allowedPlaces, createLayerFile, probeImage, readChain, syncFolder } from '@instar/machine'
import type { VolumesRequest } from '../destination-half.ts'
import type { Own } from '../provider.ts'
import type { DiskImagesTask } from './destination.ts'
import type { HostPaths } from './host-paths.ts'
import { formatMachineFile, machineFileIn, readMachineFile } from './machine-file.ts'
import { describeMachine, listMachines } from './machines.ts'
import { networkOf } from './networks.ts'
import { holdChain, replicaFolder, stagingOf } from './places.ts'
import { startMachine, stopMachine } from './power.ts'
import { giveReplicaBack, snapshotImage, snapshotOf, takeReplica } from './snapshots.ts'
import { START_FILE, renderStartScript } from './start-script.ts'
import { chooseAccelerator } from './accelerator.ts'

/** What is kept of a machine that is being made (`instance_deployment_info`). */
export interface InstanceInfo extends Own {
  readonly staging: string
  /** In the order of the machine's disks. */
  readonly disks: readonly { readonly id: string; readonly file: string; readonly generation: number }[]
  /** Where the work of a failed morph is kept, which is deleted with the replica. */
  readonly keepFolder: string
  /** Folders of the snapshots whose replicas become the machine's own. */
  readonly takes: readonly string[]
}

/**
 * Makes the disks of a machine in a folder of its own: for each a qcow2 file that takes all writes, based on the replica's generation, which
 * is held by links beside it. Nothing of the replica is ever written to, cloned or not.
 */
export async function deployInstance(call: DiskImagesTask, request: VolumesRequest & { cloneDisks: boolean }): Promise<InstanceInfo> {
  const staging = stagingOf(call.connection, call.key)
  await rm(staging, { recursive: true, force: true })
  await mkdir(staging, { recursive: true, mode: 0o700 })
  const volumes = request.exportInfo.devices.disks.map(disk => {
    const volume = request.volumes.find(({ disk_id }) => disk_id === disk.id)
    if (volume === undefined) throw new InstarError('provider.failed', `the disk ${disk.id} of ${call.instance} has no replica`)
    return volume
  })
  const disks: InstanceInfo['disks'][number][] = []
  for (const [index, volume] of volumes.entries()) {
    const name = `disk-${index + 1}`
    const held = join(staging, `${name}.base`)
    const { links } = await readChain(snapshotImage(volume), 'qcow2', await allowedPlaces([snapshotOf(volume).folder]))
    await holdChain(links, held, call.signal)
    await createDisk(staging, { name, base: join(held, basename(snapshotImage(volume))), signal: call.signal })
    disks.push({ id: volume.disk_id, file: `${name}.qcow2`, generation: snapshotOf(volume).generation })
  }
  const keepFolder = join(replicaFolder(volumes[0]!), 'failed-morph')
  return { staging, disks, keepFolder, takes: request.cloneDisks ? [] : volumes.map(volume => snapshotOf(volume).folder) }
}

/** A disk's own file, based on a held generation by a name that is true wherever the machine's folder is moved. */
export async function createDisk(folder: string, disk: { name: string; base: string; signal: AbortSignal }): Promise<void> {
  const { name, base, signal } = disk
  const image = await probeImage(base, { format: 'qcow2', allowBacking: [join(folder, `${name}.base`)], skipCheck: true, signal })
  const relative = join(`${name}.base`, basename(base))
  const file = join(folder, `${name}.qcow2`)
  await rm(file, { force: true })
  await createLayerFile({ ...image, path: relative, chain: image.chain.slice(0, 1) }, file, image.virtualBytes, signal)
}

/** Writes the machine's description and start script and moves it to its place, under its own name or the next free one. */
export async function finalizeInstance(
  call: DiskImagesTask,
  request: { exportInfo: Instance; instanceInfo: Own },
  paths: HostPaths,
): Promise<Instance> {
  const { exportInfo } = request
  const info = request.instanceInfo as unknown as InstanceInfo
  const folder = (await deployedFolder(call)) ?? (await placeMachine(call, { exportInfo, info }, paths))
  for (const taken of info.takes) await takeReplica(taken)
  if (call.environment.start) {
    call.progress(`Starting the machine ${basename(folder)}`)
    await startMachine(folder, call.signal)
  }
  return await describeMachine(call.connection.folder, await readMachineFile(machineFileIn(folder)), call.signal)
}

/** Removes a machine, made or half made. A replica that would have become its own stays. */
export async function cleanUpInstance(call: DiskImagesTask, instanceInfo: Own | null): Promise<void> {
  const folder = await deployedFolder(call)
  if (folder !== undefined) {
    await stopMachine(folder, call.signal)
    await rm(folder, { recursive: true, force: true })
  }
  await rm(stagingOf(call.connection, call.key), { recursive: true, force: true })
  for (const taken of (instanceInfo as InstanceInfo | null)?.takes ?? []) await giveReplicaBack(taken)
}

/** Where the machine of this deployment is, once it is in its place. */
export async function deployedFolder({ connection, key }: DiskImagesTask): Promise<string | undefined> {
  const { machines } = await listMachines(connection.folder)
  return machines.find(({ described }) => described.deployment === key)?.folder
}

async function placeMachine(
  call: DiskImagesTask,
  { exportInfo, info }: { exportInfo: Instance; info: InstanceInfo },
  paths: HostPaths,
): Promise<string> {
  const { connection, environment } = call
  const staging = stagingOf(connection, call.key)
  const firmware = environment.firmware ?? (exportInfo.firmware_type === 'EFI' ? 'uefi' : 'bios')
  const [memoryMb, cpus] = [environment.memory_mb ?? exportInfo.memory_mb, environment.num_cpu ?? exportInfo.num_cpu]
  const nics = exportInfo.devices.nics.map(nic => ({ ...nic, network: networkOf(call, nic.network_name) }))
  const accel = await chooseAccelerator(environment.accel, paths, call.signal)
  for (let copy = 1; ; copy += 1) {
    const name = copy === 1 ? safeName(exportInfo.name) : `${safeName(exportInfo.name)}-${copy}`
    const target = join(connection.folder, name)
    if (await isTaken(connection.folder, name)) continue
    const machine = formatMachineFile({
      version: 1,
      name,
      os_type: exportInfo.os_type,
      num_cpu: cpus,
      memory_mb: memoryMb,
      firmware,
      disks: info.disks.map(({ id, file }) => ({ id, file, format: 'qcow2' as const })),
      nics: nics.map(({ name: nicName, network, mac_address, ip_addresses }) => ({
        ...(nicName === undefined ? {} : { name: nicName }),
        network,
        ...(mac_address === null ? {} : { mac_address }),
        ...(ip_addresses === undefined ? {} : { ip_addresses }),
      })),
      deployment: call.key,
    })
    await writeFile(machineFileIn(staging), machine)
    const hardware = { name, disks: info.disks.map(({ file }) => file), bus: environment.bus, firmware, memoryMb, cpus, accel }
    const cards = nics.map(({ mac_address, network }) => ({ network, ...(mac_address === null ? {} : { mac: mac_address }) }))
    await writeFile(join(staging, START_FILE), renderStartScript({ ...hardware, nics: cards }))
    await chmod(join(staging, START_FILE), 0o755)
    if (await moveInto(staging, target)) return target
  }
}

/** False when somebody else has taken the place. */
async function moveInto(staging: string, target: string): Promise<boolean> {
  try {
    await rename(staging, target)
    await syncFolder(join(target, '..'))
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR') return false
    throw error
  }
}

/** A name is taken by a machine of it, whatever its folder is called, and by anything that lies there. */
async function isTaken(folder: string, name: string): Promise<boolean> {
  const isThere = await stat(join(folder, name)).then(
    () => true,
    () => false,
  )
  return isThere || (await listMachines(folder)).machines.some(machine => machine.name === name)
}

/** A folder's name: no path, nothing hidden. */
function safeName(name: string): string {
  return (
    name
      .replaceAll(/[/\p{Cc}]/gu, '-')
      .replace(/^\.+/, '')
      .slice(0, 180) || 'machine'
  )
}
