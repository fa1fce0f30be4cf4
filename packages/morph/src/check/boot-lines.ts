import { sizeOf } from '../boot/guest-files.ts'
import type { KernelFacts } from '../boot/inspect-boot.ts'
import { isSourceDeviceName, splitCmdline } from '../boot/loader/cmdline.ts'
import type { LoaderEntry } from '../boot/loader/entries.ts'
import type { CheckInput } from './check-input.ts'
import type { CheckLine } from './verdict.ts'

/** The menu, its default, and that the files which the default names are there and not empty. */
export function checkLoader({ boot, tree }: CheckInput): CheckLine[] {
  const { loader } = boot
  if (loader === undefined)
    return [
      {
        area: 'loader',
        state: 'unknown',
        message: 'no boot loader menu was found',
        hint: 'Name the boot disk first, or look at /boot in the guest.',
      },
    ]
  const entry = loader.default
  if (entry === undefined)
    return [{ area: 'loader', state: 'fatal', message: `${loader.configFiles[0]} has no entry that starts a kernel` }]
  const files = [entry.kernel, ...entry.initrds]
  const missing = files.filter(({ path }) => path === undefined).map(({ written }) => `${written} is not there`)
  const empty = files.filter(({ path }) => path !== undefined && sizeOf(tree, path) === 0).map(({ path }) => `${path} is empty`)
  const problems = [...missing, ...empty]
  const what = `${loader.kind}: "${entry.title}" (${loader.defaultFrom})`
  if (problems.length === 0) return [{ area: 'loader', state: 'ok', message: `${what}; its kernel and initramfs are there` }]
  const hint = 'Install the kernel again in the guest, or choose another default entry.'
  return [{ area: 'loader', state: 'fatal', message: `${what}: ${problems.join(', ')}`, hint }]
}

/** Whether the kernels find their root on the target's bus; the default one decides. */
export function checkKernels({ boot, target, guest }: CheckInput): CheckLine[] {
  if (boot.kernels.length === 0) return [{ area: 'kernel', state: 'unknown', message: 'no kernel was found' }]
  return boot.kernels.flatMap(kernel => [kernelLine(kernel, target.bus, guest.initramfsTool), ...warningLines(kernel)])
}

function kernelLine(kernel: KernelFacts, bus: string, tool: string): CheckLine {
  const { verdict, reasons } = kernel.verdict
  const which = `${kernel.isDefault ? 'default kernel' : 'newest kernel'} ${kernel.version}`
  if (verdict === 'serves')
    return { area: 'initramfs', state: 'ok', message: `${which} finds its root on ${bus}; its initramfs is left alone` }
  const why = `${which}: ${reasons.join('; ')}`
  if (reasons.some(reason => reason.includes('initramfs is unreadable') || reason.includes('initramfs is too-big'))) {
    return { area: 'initramfs', state: 'unknown', message: why, hint: 'See instar doctor for the programs that read compressed images.' }
  }
  const isFixedByMorph = verdict === 'overlay' || (verdict === 'rebuild' && tool !== 'none')
  const state = kernel.isDefault ? 'fatal' : 'warning'
  if (isFixedByMorph)
    return {
      area: 'initramfs',
      state,
      message: `${why} (${verdict === 'overlay' ? 'an archive is appended' : `rebuilt with ${tool}`})`,
      isFixedByMorph,
    }
  const hint =
    verdict === 'rebuild'
      ? 'The guest has no tool that builds an initramfs; choose the bus that it knows.'
      : 'Choose another bus for the disks, or repair the guest with a post-mount script.'
  return { area: 'kernel', state, message: why, hint }
}

function warningLines(kernel: KernelFacts): CheckLine[] {
  return kernel.verdict.warnings.map(message => ({ area: 'initramfs', state: 'warning', message: `kernel ${kernel.version}: ${message}` }))
}

/** That root= of what starts by itself means the root that was mounted. */
export function checkRoot({ boot, root }: CheckInput): CheckLine[] {
  const entry = boot.loader?.default
  if (entry === undefined) return []
  const spec = rootSpec(entry)
  if (spec === undefined) return [{ area: 'root', state: 'warning', message: `${entry.source} names no root; the initramfs must know it` }]
  const [, tag = '', value = ''] = /^(UUID|PARTUUID|LABEL)=["']?([^"']*)/.exec(spec) ?? []
  const known = { UUID: root.uuid, PARTUUID: root.partuuid, LABEL: root.label }[tag]
  if (tag !== '' && known !== undefined) {
    const isSame = tag === 'LABEL' ? known === value : known.toLowerCase() === value.toLowerCase()
    if (isSame) return [{ area: 'root', state: 'ok', message: `${entry.source} names the root by ${tag}` }]
    return [
      {
        area: 'root',
        state: 'fatal',
        message: `${entry.source} names the root ${spec}, and the root is ${tag}=${known}`,
        hint: 'Correct the entry in the guest, or name the right root.',
      },
    ]
  }
  if (!isSourceDeviceName(spec))
    return [{ area: 'root', state: 'ok', message: `${entry.source} names the root ${spec}, which does not depend on the bus` }]
  const message = `${entry.source} names the root ${spec}, a name of the source platform`
  return [{ area: 'root', state: 'fatal', message, isFixedByMorph: root.uuid !== undefined }]
}

function rootSpec(entry: LoaderEntry): string | undefined {
  return splitCmdline(entry.cmdline)
    .findLast(token => token.startsWith('root='))
    ?.slice('root='.length)
}
