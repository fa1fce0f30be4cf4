import { known } from '../../detect/known.ts'
import { namesIn, textOf } from '../guest-files.ts'
import { InstarError } from '@instar/contract'
import type { GuestTree } from '../../tree/guest-tree.ts'

/** The modules of one kernel. Names are without folder and suffix, `-` written as `_`, as the kernel compares them. */
export interface KernelModules {
  readonly version: string
  readonly builtin: ReadonlySet<string>
  /** Path below /lib/modules/<version> by name. */
  readonly files: ReadonlyMap<string, string>
  /** Direct and indirect needs by name, in the order of modules.dep. */
  readonly needs: ReadonlyMap<string, readonly string[]>
  /** The index files that modprobe reads, by their names. */
  readonly indexes: readonly string[]
}

/** CONFIG names of what matters for a boot, for kernels older than 2.6.33, which have no modules.builtin. */
const CONFIG_NAMES = new Map([
  ['virtio_pci', 'VIRTIO_PCI'],
  ['virtio_blk', 'VIRTIO_BLK'],
  ['virtio_scsi', 'SCSI_VIRTIO'],
  ['virtio_net', 'VIRTIO_NET'],
  ['virtio', 'VIRTIO'],
  ['virtio_ring', 'VIRTIO'],
  ['nvme', 'BLK_DEV_NVME'],
  ['nvme_core', 'NVME_CORE'],
  ['ahci', 'SATA_AHCI'],
  ['sd_mod', 'BLK_DEV_SD'],
  ['ext4', 'EXT4_FS'],
  ['ext3', 'EXT3_FS'],
  ['xfs', 'XFS_FS'],
  ['btrfs', 'BTRFS_FS'],
  ['dm_mod', 'BLK_DEV_DM'],
  ['dm_crypt', 'DM_CRYPT'],
])

export function moduleName(path: string): string {
  return path
    .slice(path.lastIndexOf('/') + 1)
    .replace(/\.ko(\.(gz|xz|zst|bz2|lzma))?$/, '')
    .replaceAll('-', '_')
}

export function isModuleFile(path: string): boolean {
  return /\.ko(\.(gz|xz|zst|bz2|lzma))?$/.test(path)
}

/** Reads what a kernel has, from its index files and the names of its module files; `undefined` when it has no folder. */
export function readKernelModules(tree: GuestTree, version: string): KernelModules | undefined {
  const dir = `/lib/modules/${version}`
  if (known(() => tree.stat(dir))?.kind !== 'dir') return undefined
  const builtin = new Set(lines(tree, `${dir}/modules.builtin`).map(moduleName))
  for (const name of fromConfig(tree, version)) builtin.add(name)
  const files = new Map(moduleFiles(tree, dir).map(path => [moduleName(path), path]))
  const needs = new Map<string, string[]>()
  for (const line of lines(tree, `${dir}/modules.dep`)) {
    const [path = '', rest = ''] = line.split(':')
    const name = moduleName(path)
    if (!files.has(name)) continue
    needs.set(name, rest.split(/\s+/).filter(Boolean).map(moduleName))
  }
  return { version, builtin, files, needs, indexes: namesIn(tree, dir).filter(name => /^modules\.[a-z.]+$/.test(name)) }
}

function lines(tree: GuestTree, path: string): string[] {
  return textOf(tree, path)
    .split('\n')
    .map(line => line.trim())
    .filter(Boolean)
}

function fromConfig(tree: GuestTree, version: string): string[] {
  const enabled = new Set([...textOf(tree, `/boot/config-${version}`).matchAll(/^CONFIG_(\w+)=y$/gm)].map(match => match[1]))
  return [...CONFIG_NAMES].filter(([, option]) => enabled.has(option)).map(([name]) => name)
}

/** The files that are there; where nobody listed them, those that the index names. */
function moduleFiles(tree: GuestTree, dir: string): string[] {
  const relative = (path: string): string => path.slice(path.indexOf('/lib/modules/') + dir.length + 1)
  const indexed = lines(tree, `${dir}/modules.dep`).map(line => line.split(':')[0] ?? '')
  try {
    const present = new Set(tree.glob(`${dir}/**`).filter(isModuleFile).map(relative))
    // In the order of the index, so that the file that modprobe would take comes last and wins.
    return [...[...present].filter(path => !indexed.includes(path)), ...indexed.filter(path => present.has(path))]
  } catch (error) {
    if (error instanceof InstarError && error.code === 'guest.not-loaded') return indexed
    throw error
  }
}
