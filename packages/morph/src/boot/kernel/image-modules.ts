import { canonicalPath } from '../initramfs/image-files.ts'
import type { InitramfsReading } from '../initramfs/read.ts'
import { isModuleFile, moduleName } from './modules.ts'

/** The modules that an image carries for a kernel. */
export interface ImageModules {
  /** The folder in the image, links resolved: "usr/lib/modules/6.1.0". */
  readonly dir: string
  /** Path below `dir` by module name. */
  readonly files: ReadonlyMap<string, string>
  /** In the image's modules.dep, or undefined when that cannot be told (newer images carry only the binary index). */
  readonly indexed?: ReadonlySet<string>
  /** True when modules lie in a file system image within the archive, which is not read. */
  readonly isHidden: boolean
  /** Versions of other kernels that the image was made for. */
  readonly otherVersions: readonly string[]
}

const NESTED_IMAGE = /(^|\/)(squash-root|squashfs-root|squash\/root|erofs-root|root)\.(img|squashfs|erofs)$|(^|\/)(squashfs|squash-root)$/

export function readImageModules(image: InitramfsReading, version: string): ImageModules {
  const dir = canonicalPath(image, `lib/modules/${version}`, true)
  const parent = dir.slice(0, -version.length)
  const files = new Map<string, string>()
  const otherVersions = new Set<string>()
  let isHidden = false
  for (const entry of image.entries.values()) {
    if (entry.kind === 'file' && NESTED_IMAGE.test(entry.path)) isHidden = true
    if (!entry.path.startsWith(parent) || !isModuleFile(entry.path)) continue
    const below = entry.path.slice(parent.length)
    const of = below.slice(0, below.indexOf('/'))
    if (of === version) files.set(moduleName(below), below.slice(version.length + 1))
    else otherVersions.add(of)
  }
  const dep = image.contents.get(`${dir}/modules.dep`)?.toString('latin1')
  const indexed = dep === undefined || dep === '' ? undefined : new Set(dep.split('\n').map(line => moduleName(line.split(':')[0] ?? '')))
  return { dir, files, isHidden, otherVersions: [...otherVersions], ...(indexed === undefined ? {} : { indexed }) }
}

/** Whether the image has one of these programs in a folder of programs. */
export function hasProgram(image: InitramfsReading, names: readonly string[]): boolean {
  const folders = ['bin', 'sbin', 'usr/bin', 'usr/sbin', 'usr/lib/systemd', 'lib/systemd', 'lib/cryptsetup']
  return names.some(name => folders.some(folder => image.entries.has(canonicalPath(image, `${folder}/${name}`, false))))
}
