import { namesIn, textOf } from '../guest-files.ts'
import type { GuestTree } from '../../tree/guest-tree.ts'
import type { InitramfsReading } from '../initramfs/read.ts'
import type { ResolveDevice } from '../loader/cmdline.ts'
import { splitCmdline } from '../loader/cmdline.ts'
import { type ModuleBlocks, findBlocks } from './blocks.ts'
import { type ImageModules, hasProgram, readImageModules } from './image-modules.ts'
import type { KernelModules } from './modules.ts'
import { BUS_MODULES, type Bus, type RootStack, stackNeeds } from './needs.ts'
import { type OverlayPlan, planOverlay } from './overlay.ts'
import { findStaleFacts } from './stale-facts.ts'

/** `in-guest`: there is a file, but not (with all it needs) in the image. `blocked` and `absent` cannot be helped by another image. */
export type ModuleState = 'builtin' | 'in-image' | 'in-guest' | 'blocked' | 'absent'

export interface ModuleFinding {
  readonly module: string
  readonly for: string
  readonly state: ModuleState
  readonly detail?: string
}

export interface KernelVerdict {
  /** `serves`: leave it alone; `overlay`: append `overlay` to the image; `rebuild`: by the guest's own tool; `cannot`: see reasons. */
  readonly verdict: 'serves' | 'overlay' | 'rebuild' | 'cannot'
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
  readonly modules: readonly ModuleFinding[]
  readonly overlay?: OverlayPlan
}

export interface KernelQuestion {
  readonly tree: GuestTree
  /** Absent: the guest has no /lib/modules folder for this kernel. */
  readonly modules?: KernelModules
  /** Absent: the entry names no initramfs. */
  readonly image?: InitramfsReading
  readonly cmdline: string
  readonly bus: Bus
  readonly root: RootStack
  readonly resolve: ResolveDevice
  /** Guest files that the morph changed and images carry copies of. */
  readonly changedFiles?: readonly string[]
}

/** Will this kernel with this image find its root on the bus, and if not, what is the smallest change that helps? */
export function judgeKernel(question: KernelQuestion): KernelVerdict {
  const { image, modules } = question
  if (image !== undefined && image.state !== 'whole') return judgeUnread(image, question)
  const carried = image === undefined ? undefined : readImageModules(image, modules?.version ?? versionIn(image))
  const findings = findModules(question, carried)
  const base = { modules: findings, warnings: [] as string[] }
  const lost = findings.filter(finding => finding.state === 'absent' || finding.state === 'blocked')
  if (lost.length > 0) return { ...base, verdict: 'cannot', reasons: lost.map(sentence) }
  const missing = findings.filter(finding => finding.state === 'in-guest')
  if (image === undefined || carried === undefined) {
    return missing.length === 0
      ? { ...base, verdict: 'serves', reasons: [] }
      : { ...base, verdict: 'cannot', reasons: ['the entry has no initramfs', ...missing.map(sentence)] }
  }
  return judgeImage(question, { image, carried, findings, missing })
}

interface Found {
  readonly image: InitramfsReading
  readonly carried: ImageModules
  readonly findings: readonly ModuleFinding[]
  readonly missing: readonly ModuleFinding[]
}

function judgeImage(question: KernelQuestion, { image, carried, findings, missing }: Found): KernelVerdict {
  const stale = findStaleFacts({ tree: question.tree, image, resolve: question.resolve, changedFiles: question.changedFiles ?? [] })
  const programs = missingPrograms(question.root, image, carried)
  const base = { modules: findings, warnings: [...stale.warnings, ...guestBlocks(question, findings)] }
  const foreign =
    carried.files.size === 0 && carried.otherVersions.length > 0 ? [`the image is for ${carried.otherVersions.join(', ')}`] : []
  const rebuild = [...foreign, ...stale.needsRebuild, ...programs]
  const small = [...missing.map(sentence), ...[...stale.corrected.keys()].map(path => `/${path} in the image is about the source`)]
  const reasons = [...rebuild, ...small]
  if (reasons.length === 0) return { ...base, verdict: 'serves', reasons }
  if (image.uki !== undefined) return { ...base, verdict: 'cannot', reasons: [...reasons, 'a unified kernel image cannot be added to'] }
  if (rebuild.length > 0) return { ...base, verdict: 'rebuild', reasons }
  const overlay = planOverlay({
    image,
    carried,
    missing: missing.map(finding => finding.module),
    corrected: stale.corrected,
    ...(question.modules === undefined ? {} : { modules: question.modules }),
  })
  return { ...base, verdict: 'overlay', reasons, overlay }
}

/** An image that is not whole: the guest's own tool makes a new one; what we cannot read is not called broken. */
function judgeUnread(image: InitramfsReading, { modules }: KernelQuestion): KernelVerdict {
  const reasons = [`the initramfs is ${image.state}: ${image.problem ?? 'unknown'}`]
  const canRebuild = modules !== undefined && image.uki === undefined
  return { verdict: canRebuild ? 'rebuild' : 'cannot', reasons, warnings: [], modules: [] }
}

function findModules(question: KernelQuestion, carried: ImageModules | undefined): ModuleFinding[] {
  const { image, bus, root, cmdline } = question
  const texts = [...(image?.contents ?? [])]
    .filter(([path]) => path.includes('modprobe.d/'))
    .map(([path, bytes]) => [`/${path} of the image`, bytes.toString('latin1')] as const)
  const blocks = findBlocks(texts, splitCmdline(cmdline))
  const look = (module: string, purpose: string): ModuleFinding => findModule({ module, purpose, blocks, carried }, question.modules)
  const drivers = BUS_MODULES[bus].map(module => look(module, `disks on ${bus}`))
  const stack = stackNeeds(root).map(need => {
    const all = need.anyOf.map(module => look(module, need.for))
    return all.find(({ state }) => state === 'builtin' || state === 'in-image') ?? all.find(({ state }) => state === 'in-guest') ?? all[0]
  })
  return [...drivers, ...stack.filter(finding => finding !== undefined)]
}

interface Look {
  readonly module: string
  readonly purpose: string
  readonly blocks: ModuleBlocks
  readonly carried: ImageModules | undefined
}

function findModule({ module, purpose, blocks, carried }: Look, modules: KernelModules | undefined): ModuleFinding {
  const finding = (state: ModuleState, detail?: string): ModuleFinding => ({
    module,
    for: purpose,
    state,
    ...(detail === undefined ? {} : { detail }),
  })
  if (modules?.builtin.has(module) === true) return finding('builtin')
  const blocked = blocks.get(module)
  if (blocked !== undefined) return finding('blocked', blocked)
  if (carried?.isHidden === true) return finding('in-image', 'in a file system image within the initramfs, not read')
  const isCarried = (name: string): boolean => carried?.files.has(name) === true && carried.indexed?.has(name) !== false
  const lacking = [module, ...(modules?.needs.get(module) ?? [])].filter(name => modules?.builtin.has(name) !== true && !isCarried(name))
  if (lacking.length === 0) return finding('in-image')
  if (modules?.files.has(module) === true)
    return finding('in-guest', lacking.includes(module) ? undefined : `it needs ${lacking.join(', ')}`)
  const others = carried?.otherVersions ?? []
  return finding('absent', others.length > 0 && carried?.files.size === 0 ? `the image is for ${others.join(', ')}` : undefined)
}

function sentence({ module, for: purpose, state, detail }: ModuleFinding): string {
  const what = {
    builtin: 'is built in',
    'in-image': 'is in the image',
    'in-guest': 'is not in the image',
    blocked: 'is blocked',
    absent: 'does not exist for this kernel',
  }[state]
  return `${module} for ${purpose} ${what}${detail === undefined ? '' : ` (${detail})`}`
}

function missingPrograms(root: RootStack, image: InitramfsReading, carried: ImageModules): string[] {
  if (carried.isHidden) return []
  const needs = stackNeeds(root).filter(need => need.programs.length > 0 && !hasProgram(image, need.programs))
  return needs.map(need => `the image has no program for ${need.for} (${need.programs[0]})`)
}

/** A block that the image does not have yet: harmless until the guest builds its next image. */
function guestBlocks({ tree, cmdline }: KernelQuestion, findings: readonly ModuleFinding[]): string[] {
  const files = ['/etc/modprobe.d', '/lib/modprobe.d'].flatMap(folder =>
    namesIn(tree, folder)
      .filter(name => name.endsWith('.conf'))
      .map(name => `${folder}/${name}`),
  )
  const blocks = findBlocks(
    files.map(path => [path, textOf(tree, path)] as const),
    splitCmdline(cmdline),
  )
  const hit = findings.filter(({ module, state }) => state !== 'builtin' && blocks.has(module))
  return hit.map(({ module }) => `the next initramfs that the guest builds would lack ${module}: ${blocks.get(module)}`)
}

/** For a kernel without a folder in the guest: the version that the image was made for. */
function versionIn(image: InitramfsReading): string {
  for (const path of image.entries.keys()) {
    const version = /(?:^|\/)lib\/modules\/([^/]+)\//.exec(path)?.[1]
    if (version !== undefined) return version
  }
  return ''
}
