import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { qemuImg, qemuIo } from '../../replication/replication.fixture.ts'
import { filesBelow } from '../../testing/files-below.fixture.ts'
import type { ProviderFixture } from '../suite/provider-suite.ts'
import { createDiskImages } from './disk-images.ts'
import type { HostPaths } from './host-paths.ts'

/** Machines as images in an empty folder; the provider keeps its appliances at `paths`. */
export function makeDiskImages(folder: string, paths: HostPaths): ProviderFixture {
  const system = join(folder, 'web-01', 'system.qcow2')
  const data = join(folder, 'web-01', 'data.vmdk')
  mkdirSync(join(folder, 'web-01'))
  mkdirSync(join(folder, 'other'))
  qemuImg('create', '-q', '-f', 'qcow2', system, '16M')
  qemuIo(system, 'qcow2', 'write -P 1 0 4M')
  qemuImg('convert', '-O', 'vmdk', '-f', 'qcow2', system, data)
  writeFileSync(
    join(folder, 'web-01', 'machine.yaml'),
    'memory_mb: 512\nbitmaps: true\ndisks: [{ file: system.qcow2 }, { file: data.vmdk }]\nnics: [{ network: lan, mac_address: "52:54:00:00:00:01" }]\n',
  )
  qemuImg('create', '-q', '-f', 'raw', join(folder, 'other', 'disk.raw'), '1M')
  writeFileSync(join(folder, 'db-01.yaml'), 'disks: [{ file: other/disk.raw }]\n')
  writeFileSync(join(folder, 'broken.yaml'), 'disks: []\n')
  return {
    provider: createDiskImages(paths),
    connection: { folder },
    wrongConnection: { folder: join(folder, 'gone') },
    source: {
      environment: {},
      machine: 'web-01',
      change: async () => void qemuIo(system, 'qcow2', 'write -P 9 1M 4k'),
    },
    destination: { environment: { accel: 'tcg' }, networkMap: { lan: 'user' } },
    listThings: () => filesBelow(folder),
    contentOf: async thing => createHash('sha256').update(readFileSync(thing)).digest('hex'),
  }
}
