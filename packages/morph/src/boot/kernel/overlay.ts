import { type AppendixForm, appendixForm } from '../initramfs/appendix.ts'
import { canonicalPath } from '../initramfs/image-files.ts'
import type { InitramfsReading } from '../initramfs/read.ts'
import type { ImageModules } from './image-modules.ts'
import type { KernelModules } from './modules.ts'

/** A small archive to append to an image: the kernel unpacks it over what came before. Paths in the image have no leading slash. */
export interface OverlayPlan {
  /** Folders that the image has not, parents first. A folder that it has as a link must not be here: the link would be replaced. */
  readonly folders: readonly string[]
  /** Copies from the guest: modules and the index files of modprobe. */
  readonly copies: readonly { readonly from: string; readonly to: string }[]
  readonly texts: readonly { readonly to: string; readonly content: string }[]
  readonly links: readonly { readonly to: string; readonly target: string }[]
  readonly form: AppendixForm
  /** Module names that it brings. */
  readonly modules: readonly string[]
}

interface OverlayInput {
  readonly image: InitramfsReading
  readonly carried: ImageModules
  readonly modules?: KernelModules
  /** Names of the modules that are missing; what they need is added. */
  readonly missing: readonly string[]
  /** Corrected texts by path in the image. */
  readonly corrected: ReadonlyMap<string, string>
}

/** What is appended: the missing modules with all they need, the kernel's whole module index, corrected files. Nothing the image has. */
export function planOverlay({ image, carried, modules, missing, corrected }: OverlayInput): OverlayPlan {
  const brought = modules === undefined ? [] : closure(missing, modules).filter(name => !carried.files.has(name))
  const copies = modules === undefined || missing.length === 0 ? [] : moduleCopies(modules, carried, brought)
  const texts = [...corrected].map(([path, content]) => ({ to: canonicalPath(image, path, true), content }))
  const links = modules === undefined || missing.length === 0 ? [] : indexLinks(modules, carried)
  const folders = missingFolders(
    image,
    [...copies, ...texts, ...links].map(({ to }) => to),
  )
  return { folders, copies, texts, links, form: appendixForm(image), modules: brought }
}

function closure(names: readonly string[], modules: KernelModules): string[] {
  const all = new Set(names.flatMap(name => [...(modules.needs.get(name) ?? []), name]))
  return [...all].filter(name => !modules.builtin.has(name) && modules.files.has(name))
}

function moduleCopies(modules: KernelModules, carried: ImageModules, brought: readonly string[]): { from: string; to: string }[] {
  const from = `/lib/modules/${modules.version}`
  const paths = [...brought.flatMap(name => modules.files.get(name) ?? []), ...modules.indexes]
  return paths.map(path => ({ from: `${from}/${path}`, to: `${carried.dir}/${path}` }))
}

/**
 * The index that is brought names modules as the guest has them ("x.ko.xz"); some builders store them unpacked ("x.ko"). A link by the
 * guest's name keeps those loadable: kmod tells the compression from the content.
 */
function indexLinks(modules: KernelModules, carried: ImageModules): { to: string; target: string }[] {
  return [...carried.files].flatMap(([name, path]) => {
    const indexed = modules.files.get(name)
    return indexed === undefined || indexed === path ? [] : [{ to: `${carried.dir}/${indexed}`, target: relativeTo(indexed, path) }]
  })
}

function relativeTo(from: string, path: string): string {
  return '../'.repeat(from.split('/').length - 1) + path
}

function missingFolders(image: InitramfsReading, paths: readonly string[]): string[] {
  const folders = new Set<string>()
  for (const path of paths) {
    const parts = path.split('/').slice(0, -1)
    for (const [index] of parts.entries()) {
      const folder = parts.slice(0, index + 1).join('/')
      if (!image.entries.has(folder)) folders.add(folder)
    }
  }
  return [...folders].sort((left, right) => left.split('/').length - right.split('/').length || (left < right ? -1 : 1))
}
