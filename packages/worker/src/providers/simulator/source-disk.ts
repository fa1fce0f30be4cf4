import { createHash } from 'node:crypto'
import { mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { InstarError } from '@instar/contract'
import type { Instance } from '@instar/contract/api'
import type { SourceContent, SourceDisk } from '../disks.ts'
import type { TaskCall } from '../provider.ts'
import type { SimulatorConnection, SimulatorSource } from './simulator-settings.ts'
import { World } from './world.ts'

const MIB = 1024 * 1024

/** What the names of the snapshots of a machine's disks begin with. */
export function snapshotsOf(instance: string): string {
  return `${instance}/`
}

/** A disk with nothing on it, or a sparse file with a mebibyte of data at its start, in its middle and at its end. */
export async function openSimulatedSource(
  call: TaskCall<SimulatorConnection, SimulatorSource>,
  request: { exportInfo: Instance; diskId: string },
): Promise<SourceDisk> {
  const disk = request.exportInfo.devices.disks.find(({ id }) => id === request.diskId)
  if (!disk) throw new InstarError('provider.not-found', `${call.instance} has no disk ${request.diskId}`)
  await new World(call.connection.folder).put('source-snapshots', snapshotsOf(call.instance) + disk.id, {})
  const content: SourceContent =
    call.environment.content === 'none'
      ? { kind: 'none' }
      : { kind: 'images', chain: [{ format: 'raw', path: await sparseFile(call, { id: disk.id, sizeBytes: disk.size_bytes }) }] }
  return { diskId: disk.id, sizeBytes: disk.size_bytes, mayUseBitmaps: false, content, [Symbol.asyncDispose]: async () => {} }
}

async function sparseFile(call: TaskCall<SimulatorConnection, unknown>, disk: { id: string; sizeBytes: number }): Promise<string> {
  const folder = join(call.connection.folder, 'images')
  const path = join(folder, `${disk.id}.raw`)
  await mkdir(folder, { recursive: true })
  const found = await open(path).catch(() => undefined)
  if (found) {
    await found.close()
    return path
  }
  const next = `${path}.${call.key}.new`
  await using file = await open(next, 'w')
  await file.truncate(disk.sizeBytes)
  const data = dataOf(disk.id, Math.min(MIB, disk.sizeBytes))
  for (const offset of [0, Math.floor(disk.sizeBytes / 2 / MIB) * MIB, disk.sizeBytes - data.length]) {
    await file.write(data, 0, Math.min(data.length, disk.sizeBytes - offset), offset)
  }
  await rename(next, path)
  return path
}

/** The same for a disk whenever it is made, and different for each disk. */
function dataOf(diskId: string, length: number): Buffer {
  const pattern = createHash('sha512').update(diskId).digest()
  return Buffer.alloc(length, pattern)
}
