import type { Buffer } from 'node:buffer'
import zlib from 'node:zlib'
import { MODE_DIR, MODE_FILE, MODE_LINK, writeCpio } from '../initramfs/cpio-write.ts'
import { type InitramfsReading, readInitramfs } from '../initramfs/read.ts'

/** Modules by path below kernel/, with what each needs: the tree of a distribution's kernel as far as a boot cares. */
const MODULES: Record<string, string[]> = {
  'drivers/block/virtio_blk': ['drivers/virtio/virtio_ring', 'drivers/virtio/virtio'],
  'drivers/scsi/virtio_scsi': ['drivers/virtio/virtio_ring', 'drivers/virtio/virtio'],
  'drivers/virtio/virtio_pci': ['drivers/virtio/virtio_ring', 'drivers/virtio/virtio'],
  'drivers/virtio/virtio_ring': ['drivers/virtio/virtio'],
  'drivers/virtio/virtio': [],
  'drivers/nvme/host/nvme': ['drivers/nvme/host/nvme-core'],
  'drivers/nvme/host/nvme-core': [],
  'drivers/ata/ahci': ['drivers/ata/libahci', 'drivers/ata/libata'],
  'drivers/ata/libahci': ['drivers/ata/libata'],
  'drivers/ata/libata': [],
  'drivers/scsi/sd_mod': [],
  'drivers/scsi/vmw_pvscsi': [],
  'drivers/md/dm-mod': [],
  'drivers/md/dm-crypt': ['drivers/md/dm-mod'],
  'fs/ext4/ext4': [],
  'fs/xfs/xfs': [],
  'fs/btrfs/btrfs': [],
}

export const ALL_MODULES = Object.keys(MODULES).map(path => path.slice(path.lastIndexOf('/') + 1))

export interface PhonyKernel {
  readonly version: string
  readonly suffix?: '.ko' | '.ko.xz' | '.ko.zst' | '.ko.gz'
  readonly builtin?: readonly string[]
  /** Modules that this kernel was built without. */
  readonly without?: readonly string[]
  readonly lib?: 'lib' | 'usr/lib'
}

/** The files of /lib/modules/<version>. */
export function phonyModules({
  version,
  suffix = '.ko',
  builtin = [],
  without = [],
  lib = 'usr/lib',
}: PhonyKernel): Record<string, string> {
  const has = ([path]: [string, string[]]): boolean => !without.includes(nameOf(path)) && !builtin.includes(nameOf(path))
  const modules = Object.entries(MODULES).filter(has)
  const file = (path: string): string => `kernel/${path}${suffix}`
  const dep = modules.map(
    ([path, needs]) =>
      `${file(path)}:${needs
        .filter(need => !builtin.includes(nameOf(need)))
        .map(need => ` ${file(need)}`)
        .join('')}\n`,
  )
  const dir = `${lib}/modules/${version}`
  return {
    [`${dir}/modules.dep`]: dep.join(''),
    [`${dir}/modules.dep.bin`]: 'index',
    [`${dir}/modules.alias`]: 'alias virtio:d00000002v* virtio_blk\n',
    [`${dir}/modules.builtin`]: Object.keys(MODULES)
      .filter(path => builtin.includes(nameOf(path)))
      .map(path => `kernel/${path}.ko\n`)
      .join(''),
    ...Object.fromEntries(modules.map(([path]) => [`${dir}/${file(path)}`, `module ${nameOf(path)}`])),
  }
}

export interface PhonyImage {
  readonly version: string
  readonly modules: readonly string[]
  readonly suffix?: string
  /** Where its modules lie; `usr/lib` with a link lib -> usr/lib. */
  readonly lib?: 'lib' | 'usr/lib'
  readonly files?: Readonly<Record<string, string>>
  readonly programs?: readonly string[]
}

/** An image as builders make it, packed with zstd. */
export function phonyImage({ version, modules, suffix = '.ko', lib = 'usr/lib', files = {}, programs = [] }: PhonyImage): Buffer {
  const paths = Object.keys(MODULES).filter(path => modules.includes(nameOf(path)))
  const dir = `${lib}/modules/${version}`
  const contents: Record<string, string> = {
    ...Object.fromEntries(paths.map(path => [`${dir}/kernel/${path}${suffix}`, 'module'])),
    [`${dir}/modules.dep`]: paths.map(path => `kernel/${path}${suffix}:\n`).join(''),
    ...Object.fromEntries(programs.map(name => [`usr/bin/${name}`, 'program'])),
    ...files,
  }
  const folders = [
    ...new Set(
      Object.keys(contents).flatMap(path =>
        path
          .split('/')
          .slice(0, -1)
          .map((_, index, parts) => parts.slice(0, index + 1).join('/')),
      ),
    ),
  ].sort()
  const link = lib === 'usr/lib' ? [{ path: 'lib', mode: MODE_LINK, content: 'usr/lib' }] : []
  const members = Object.entries(contents).map(([path, content]) => ({ path, mode: MODE_FILE, content }))
  return zlib.zstdCompressSync(writeCpio([...folders.map(path => ({ path, mode: MODE_DIR })), ...link, ...members]))
}

export async function readPhonyImage(image: PhonyImage): Promise<InitramfsReading> {
  return readInitramfs(phonyImage(image), { signal: new AbortController().signal })
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
