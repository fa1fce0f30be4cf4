import { compareVersions } from '../boot/loader/versions.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { ESP_FOLDERS, known } from './known.ts'

/** A kernel that can be booted. Paths are as a loader names them, links not resolved. */
export interface Kernel {
  /** As `uname -r` says: the name of its module folder; from the file's name where there is no such folder. */
  readonly version: string
  readonly image: string
  readonly initrd?: string
  /** `/lib/modules/<version>`, when it is there. */
  readonly moduleDir?: string
  /** False: the folder is a leftover, or `depmod` never ran. */
  readonly hasModuleIndex: boolean
  /** Kernel, initramfs and command line in one EFI program. */
  readonly isUnified: boolean
}

/** Names with these are copies, not what boots. */
const LEFTOVER = /rescue|kdump|\.(?:bak|old|old-dkms|dpkg-\w+|rpmsave|rpmnew|rpmorig|hmac|sig|gz\.sig)$|~$/

const INITRD_NAMES = (version: string): string[] => [
  `initrd.img-${version}`,
  `initramfs-${version}.img`,
  `initrd-${version}`,
  `initrd-${version}.img`,
  `initramfs-${version}`,
  `initramfs-${version}-fallback.img`,
]

/** The kernels of a guest, newest first; files decide, the package database is not asked. */
export function detectKernels(tree: GuestTree): Kernel[] {
  const folders = moduleFolders(tree)
  const found = [...fromBoot(tree, folders), ...fromModules(tree, folders), ...fromEsp(tree, folders)]
  const byImage = new Map<string, Kernel>()
  for (const kernel of found) {
    const key = known(() => tree.realpath(kernel.image)) ?? kernel.image
    if (!byImage.has(key)) byImage.set(key, kernel)
  }
  return [...byImage.values()].sort((a, b) => compareVersions(b.version, a.version))
}

/** /boot/vmlinuz-6.1.0-18-amd64 and its like, also below /boot/ostree. */
function fromBoot(tree: GuestTree, folders: readonly string[]): Kernel[] {
  const images = ['vmlinuz', 'vmlinux', 'kernel', 'Image'].flatMap(kind =>
    [`/boot/${kind}-*`, `/boot/ostree/*/${kind}-*`].flatMap(pattern => known(() => tree.glob(pattern)) ?? []),
  )
  return images
    .filter(image => !LEFTOVER.test(image))
    .map(image => {
      const folder = image.slice(0, image.lastIndexOf('/'))
      const named = image.slice(folder.length + 1).replace(/^[A-Za-z]+-/, '')
      const version = versionBehind(tree, named, folders)
      return kernel(tree, { version, image, initrd: findInitrd(tree, folder, [named, version]), isUnified: false })
    })
}

/** Alpine's vmlinuz-lts and Arch's vmlinuz-linux carry no version: the module folder of that flavour has it. */
function versionBehind(tree: GuestTree, named: string, folders: readonly string[]): string {
  if (folders.includes(named) || /^\d/.test(named)) return named
  const owned = folders.filter(folder => known(() => tree.read(`/lib/modules/${folder}/pkgbase`))?.trim() === named)
  const ending = folders.filter(folder => folder.endsWith(`-${named}`))
  return [...owned, ...ending].sort(compareVersions).at(-1) ?? named
}

/** /usr/lib/modules/<version>/vmlinuz: Fedora, Arch, ostree; of use where nothing in /boot is the same kernel. */
function fromModules(tree: GuestTree, folders: readonly string[]): Kernel[] {
  const inBoot = new Set(fromBoot(tree, folders).map(each => each.version))
  return folders
    .filter(version => !inBoot.has(version) && known(() => tree.exists(`/lib/modules/${version}/vmlinuz`)) === true)
    .map(version => {
      const folder = `/lib/modules/${version}`
      const initrd = ['initramfs.img', 'initrd'].map(name => `${folder}/${name}`).find(path => known(() => tree.exists(path)))
      return kernel(tree, { version, image: `${folder}/vmlinuz`, initrd, isUnified: false })
    })
}

/** What kernel-install puts beside systemd-boot: <machine-id>/<version>/linux with its initrd, and unified images. */
function fromEsp(tree: GuestTree, folders: readonly string[]): Kernel[] {
  return ESP_FOLDERS.flatMap(esp => {
    const split = (known(() => tree.glob(`${esp}/*/*/linux`)) ?? []).map(image => {
      const folder = image.slice(0, image.lastIndexOf('/'))
      const initrd = [`${folder}/initrd`, `${folder}/initramfs.img`].find(path => known(() => tree.exists(path)))
      return kernel(tree, { version: folder.slice(folder.lastIndexOf('/') + 1), image, initrd, isUnified: false })
    })
    const unified = (known(() => tree.glob(`${esp}/EFI/Linux/*.efi`)) ?? []).map(image => {
      const name = image.slice(image.lastIndexOf('/') + 1, -'.efi'.length)
      const version = folders.find(folder => name.includes(folder)) ?? name
      return kernel(tree, { version, image, initrd: undefined, isUnified: true })
    })
    return [...split, ...unified]
  })
}

function kernel(tree: GuestTree, of: { version: string; image: string; initrd: string | undefined; isUnified: boolean }): Kernel {
  const moduleDir = `/lib/modules/${of.version}`
  const hasDir = known(() => tree.stat(moduleDir))?.kind === 'dir'
  return {
    version: of.version,
    image: of.image,
    ...(of.initrd === undefined ? {} : { initrd: of.initrd }),
    ...(hasDir ? { moduleDir } : {}),
    hasModuleIndex: hasDir && known(() => tree.exists(`${moduleDir}/modules.dep`)) === true,
    isUnified: of.isUnified,
  }
}

function findInitrd(tree: GuestTree, folder: string, versions: readonly string[]): string | undefined {
  const names = versions.flatMap(INITRD_NAMES)
  return names.map(name => `${folder}/${name}`).find(path => known(() => tree.exists(path)) === true)
}

function moduleFolders(tree: GuestTree): string[] {
  return (known(() => tree.list('/lib/modules')) ?? []).filter(name => known(() => tree.stat(`/lib/modules/${name}`))?.kind === 'dir')
}

/**
 * The kernel that boots as far as files tell: where Debian's /vmlinuz and SUSE's /boot/vmlinuz point, else the newest. The loader's menu
 * (boot/loader) knows better and comes first.
 */
export function defaultKernel(tree: GuestTree, kernels: readonly Kernel[]): Kernel | undefined {
  for (const link of ['/vmlinuz', '/boot/vmlinuz']) {
    const image = known(() => (tree.lstat(link)?.kind === 'link' ? tree.realpath(link) : undefined))
    const found = kernels.find(each => image !== undefined && (known(() => tree.realpath(each.image)) ?? each.image) === image)
    if (found !== undefined) return found
  }
  return kernels.find(each => each.hasModuleIndex) ?? kernels[0]
}
