import { join } from 'node:path'
import { allowedPlaces, blockNode, readChain, type MachineDisk } from '@instar/machine'
import type { InstanceInfo } from './instances.ts'

/** The disks of a machine that is being made, as a minion gets them: QEMU follows no reference that we have not seen. */
export async function machineDisks({ staging, disks }: Pick<InstanceInfo, 'staging' | 'disks'>): Promise<MachineDisk[]> {
  const found: MachineDisk[] = []
  for (const { file: name } of disks) {
    const file = join(staging, name)
    const { links } = await readChain(file, 'qcow2', await allowedPlaces([staging]))
    found.push({ file, format: 'qcow2', readOnly: false, node: blockNode(links) })
  }
  return found
}
