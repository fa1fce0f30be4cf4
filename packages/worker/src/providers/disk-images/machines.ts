import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { errorChain, InstarError } from '@instar/contract'
import type { Instance, InstanceSummary } from '@instar/contract/api'
import { allowedPlaces, parseQcow2Header, probeImage, readChain, type ImageLink } from '@instar/machine'
import type { InstanceList, InstanceQuery } from '../source-half.ts'
import { MACHINE_FILE, nameByPlace, readMachineFile, type DescribedMachine } from './machine-file.ts'

/** What Instar itself keeps in the folder of an endpoint. */
export const OWN_FOLDER = '.instar'

/** A file that should describe a machine and does not. */
export interface BadMachine {
  readonly name: string
  readonly file: string
  readonly error: InstarError
}

/** All machines of the folder, and what cannot be used as one; both by name. */
export async function listMachines(folder: string): Promise<{ machines: DescribedMachine[]; bad: BadMachine[] }> {
  const machines: DescribedMachine[] = []
  const bad: BadMachine[] = []
  for (const file of await machineFiles(folder)) {
    try {
      machines.push(await readMachineFile(file))
    } catch (error) {
      if (!(error instanceof InstarError)) throw error
      bad.push({ name: nameByPlace(file), file, error })
    }
  }
  return { machines: machines.sort(byName), bad: bad.sort(byName) }
}

const byName = (a: { readonly name: string }, b: { readonly name: string }) => (a.name < b.name ? -1 : 1)

/** The machine of this name; `provider.not-found` where there is none, `provider.failed` where two have it. */
export async function findMachine(folder: string, name: string): Promise<DescribedMachine> {
  const { machines, bad } = await listMachines(folder)
  const found = machines.filter(machine => machine.name === name)
  if (found.length > 1)
    throw new InstarError('provider.failed', `${found.map(({ file }) => file).join(' and ')} describe a machine of the name ${name}`)
  if (found[0] !== undefined) return found[0]
  throw bad.find(one => one.name === name)?.error ?? new InstarError('provider.not-found', `there is no machine ${name} in ${folder}`)
}

/** The page of machines that was asked for, as rows; the first page tells what is left out. */
export async function selectMachines(folder: string, { marker, limit, name }: InstanceQuery): Promise<InstanceList> {
  const { machines, bad } = await listMachines(folder)
  const isWanted = (machine: { readonly name: string }) => name === undefined || machine.name.includes(name)
  const instances = machines
    .filter(machine => isWanted(machine) && (marker === undefined || machine.name > marker))
    .slice(0, limit)
    .map(summaryOf)
  const leftOut = marker === undefined ? bad.filter(isWanted) : []
  return { instances, warnings: leftOut.map(one => `${one.name} is left out: ${problemOf(one)}`) }
}

export function problemOf({ error }: BadMachine): string {
  return errorChain(error).join(': ')
}

export function summaryOf({ name, described }: DescribedMachine): InstanceSummary {
  const { num_cpu, memory_mb, os_type, firmware } = described
  return { id: name, name, instance_name: name, num_cpu, memory_mb, os_type, firmware_type: firmware === 'uefi' ? 'EFI' : 'BIOS' }
}

/** A machine with its disks and cards. Disks are looked at without being opened by QEMU, so that it may run. */
export async function describeMachine(root: string, machine: DescribedMachine, signal: AbortSignal): Promise<Instance> {
  const disks = []
  for (const [index, disk] of machine.disks.entries()) {
    const { format, sizeBytes } = await lookAtDisk(root, disk, signal)
    disks.push({
      id: disk.id,
      size_bytes: sizeBytes,
      unit_number: index,
      path: disk.file,
      controller_id: 'controller-1',
      ...(format === 'vdi' ? {} : { format: format === 'vpc' ? ('vhd' as const) : format }),
    })
  }
  const nics = machine.described.nics.map(({ name, network, mac_address, ip_addresses }, index) => ({
    id: `nic-${index + 1}`,
    name: name ?? `nic-${index + 1}`,
    network_name: network,
    mac_address: mac_address ?? null,
    ...(ip_addresses === undefined ? {} : { ip_addresses }),
  }))
  return {
    ...summaryOf(machine),
    nested_virtualization: false,
    devices: {
      disks,
      nics,
      cdroms: [],
      serial_ports: [],
      floppies: [],
      controllers: [{ id: 'controller-1', type: 'virtio', bus_number: 0 }],
    },
  }
}

/** The files of a disk; all that they refer to lies in the endpoint's folder. */
export async function diskChain(root: string, disk: DescribedMachine['disks'][number]): Promise<readonly ImageLink[]> {
  const { links } = await readChain(disk.file, disk.format, await allowedPlaces([root, disk.file]))
  return links
}

async function lookAtDisk(root: string, disk: DescribedMachine['disks'][number], signal: AbortSignal) {
  const { links, top } = await readChain(disk.file, disk.format, await allowedPlaces([root, disk.file]))
  const { format } = links[0]!
  if (format === 'raw') return { format, sizeBytes: top.identity.sizeBytes }
  if (format === 'qcow2') return { format, sizeBytes: parseQcow2Header(top.head).virtualBytes }
  const { virtualBytes } = await probeImage(disk.file, { format, allowBacking: [root], skipCheck: true, signal })
  return { format, sizeBytes: virtualBytes }
}

async function machineFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new InstarError('provider.refused', `the folder ${folder} cannot be read`, { cause })
  })
  const files: string[] = []
  for (const entry of entries) {
    if (entry.name === OWN_FOLDER) continue
    if (entry.isFile() && /\.ya?ml$/.test(entry.name)) files.push(join(folder, entry.name))
    if (!entry.isDirectory()) continue
    const inside: readonly string[] = await readdir(join(folder, entry.name)).catch(() => [])
    if (inside.includes(MACHINE_FILE)) files.push(join(folder, entry.name, MACHINE_FILE))
  }
  return files
}
