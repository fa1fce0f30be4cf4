import type { GuestTree } from '../../tree/guest-tree.ts'
import { compareVersions } from '../loader/versions.ts'

export interface GuestKernel {
  /** What stands after "vmlinuz-": a version, or a flavour ("lts" of Alpine, "linux" of Arch). */
  readonly name: string
  /** Of the folder in /lib/modules; absent = no modules of this kernel in the guest. */
  readonly version?: string
  readonly image: string
  /** The initramfs by its usual name beside the kernel; the loader's entry may name another. */
  readonly initramfs?: string
  /** Made for repair or crash dumps: not what the guest starts by itself. */
  readonly isRescue: boolean
}

const IMAGE = /^(?:vmlinuz|kernel|bzImage|Image)-(.+)$/
/** Left by package managers, and signatures beside kernels. */
const NOT_A_KERNEL = /\.(dpkg-\w+|rpm(save|new|orig)|hmac|old|bak|sig|gz|signed)$|~$/

/** Kernels of the guest in /boot and in the folders of kernel-install (/boot/<machine-id>/<version>), newest first, rescue ones last. */
export function findKernels(tree: GuestTree): GuestKernel[] {
  const versions = moduleVersions(tree)
  const found = [...inFolder(tree, '/boot', versions), ...installed(tree, versions)]
  return found.sort(
    (left, right) =>
      Number(left.isRescue) - Number(right.isRescue) || compareVersions(right.version ?? right.name, left.version ?? left.name),
  )
}

/** Folders of /lib/modules that are a kernel's: a left-over of a removed kernel has no index. */
export function moduleVersions(tree: GuestTree): string[] {
  return tree
    .list('/lib/modules')
    .filter(version => ['modules.dep', 'modules.builtin', 'modules.order'].some(name => tree.exists(`/lib/modules/${version}/${name}`)))
}

function inFolder(tree: GuestTree, folder: string, versions: readonly string[]): GuestKernel[] {
  return tree.list(folder).flatMap(file => {
    const name = IMAGE.exec(file)?.[1]
    const image = `${folder}/${file}`
    if (name === undefined || NOT_A_KERNEL.test(file) || tree.stat(image)?.kind !== 'file' || tree.lstat(image)?.kind === 'link') return []
    const initrds = [`initrd.img-${name}`, `initramfs-${name}.img`, `initrd-${name}`, `initrd-${name}.img`, `initramfs-${name}`]
    return [kernelOf(tree, { name, image, versions, initrds: initrds.map(initrd => `${folder}/${initrd}`) })]
  })
}

function installed(tree: GuestTree, versions: readonly string[]): GuestKernel[] {
  const places = ['/boot', '/boot/efi', '/efi'].flatMap(root =>
    tree
      .list(root)
      .filter(name => /^[0-9a-f]{32}$/.test(name))
      .map(name => `${root}/${name}`),
  )
  return places.flatMap(place =>
    tree.list(place).flatMap(name => {
      const folder = `${place}/${name}`
      const image = `${folder}/linux`
      if (tree.stat(image)?.kind !== 'file') return []
      return [kernelOf(tree, { name, image, versions, initrds: [`${folder}/initrd`, `${folder}/initrd.img`] })]
    }),
  )
}

interface Found {
  readonly name: string
  readonly image: string
  readonly versions: readonly string[]
  readonly initrds: readonly string[]
}

function kernelOf(tree: GuestTree, { name, image, versions, initrds }: Found): GuestKernel {
  const version = versionOf(name, versions)
  const initramfs = initrds.find(path => tree.stat(path)?.kind === 'file')
  const isRescue = /rescue|kdump|-fallback/.test(name)
  return { name, image, isRescue, ...(version === undefined ? {} : { version }), ...(initramfs === undefined ? {} : { initramfs }) }
}

/** The newest of the module folders that carry the flavour: "6.6.1-0-lts" for "lts", "6.9.1-arch1-1" for Arch's "linux". */
function versionOf(name: string, versions: readonly string[]): string | undefined {
  if (versions.includes(name)) return name
  const flavour = name === 'linux' ? 'arch' : name.replace(/^linux-/, '')
  const pattern = flavour === 'arch' ? /-arch\d/ : undefined
  const fitting = versions.filter(version => (pattern === undefined ? version.endsWith(`-${flavour}`) : pattern.test(version)))
  return fitting.sort(compareVersions).at(-1)
}
