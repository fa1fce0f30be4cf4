import { open, readdir, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { runHostTool } from '../host/host-tool.ts'

const MIB = 1024 * 1024
const SECTOR_BYTES = 512
const PARTITION_START_BYTES = MIB
/** For what commands write into the root file system of the appliance beyond /tmp. */
const SPARE_BYTES = 512 * MIB

interface RootDiskOptions {
  readonly root: string
  readonly file: string
  readonly contentBytes: number
  /** Names the partition for the kernel (`PARTUUID=…-01`): the order in which disks are found says nothing. */
  readonly diskId: number
  readonly signal: AbortSignal
}

/** Makes a disk with one ext4 partition out of a folder, without mounting anything and without being root. */
export async function makeRootDisk(options: RootDiskOptions): Promise<void> {
  const partitionBytes = Math.ceil((options.contentBytes * 1.1 + SPARE_BYTES) / MIB) * MIB
  const disk = await open(options.file, 'wx', 0o644)
  await disk.write(partitionTable(options.diskId, partitionBytes))
  await disk.close()
  await truncate(options.file, PARTITION_START_BYTES + partitionBytes)
  const features = ['-O', '^has_journal,^resize_inode', '-m', '0', '-E', `offset=${PARTITION_START_BYTES},root_owner=0:0`]
  await runHostTool(['mke2fs', '-q', '-F', '-t', 'ext4', ...features, '-d', options.root, options.file, `${partitionBytes / 1024}k`], {
    signal: options.signal,
    package: 'e2fsprogs',
  })
  if (process.getuid?.() !== 0) await giveToRoot(options)
}

/** A master boot record with its disk signature and one Linux partition. */
export function partitionTable(diskId: number, partitionBytes: number): Buffer {
  const sector = Buffer.alloc(SECTOR_BYTES)
  sector.writeUInt32LE(diskId, 440)
  sector[450] = 0x83
  sector.writeUInt32LE(PARTITION_START_BYTES / SECTOR_BYTES, 454)
  sector.writeUInt32LE(partitionBytes / SECTOR_BYTES, 458)
  sector.writeUInt16BE(0x55aa, 510)
  return sector
}

/** Unpacked by an ordinary user, all files are his; programs such as passwd and cron check for root. */
async function giveToRoot({ root, file, signal }: RootDiskOptions): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const paths = entries.map(entry => join(entry.parentPath, entry.name).slice(root.length)).filter(path => !/["\n]/.test(path))
  const commands = paths.flatMap(path => [`set_inode_field "${path}" uid 0`, `set_inode_field "${path}" gid 0`])
  await runHostTool(['debugfs', '-w', '-f', '-', `${file}?offset=${PARTITION_START_BYTES}`], {
    signal,
    package: 'e2fsprogs',
    stdin: `${commands.join('\n')}\n`,
  })
}
