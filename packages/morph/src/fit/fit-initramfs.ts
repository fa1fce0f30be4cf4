import { readGuestImage, type BootFacts, type KernelFacts } from '../boot/inspect-boot.ts'
import { appendOverlay } from '../boot/kernel/append-overlay.ts'
import { judgeKernel } from '../boot/kernel/judge.ts'
import { readKernelModules } from '../boot/kernel/modules.ts'
import { rebuildInitramfs } from '../boot/rebuild.ts'
import type { RebuildTool } from '../boot/rebuild-commands.ts'
import type { OpenGuest } from '../morph.ts'
import { resolverFor } from '../references/fix-references.ts'
import type { MorphSession } from '../session.ts'
import { runStep } from '../step.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { attachedDisks } from './attached-disks.ts'
import { stableNames } from './stable-names.ts'
import { bootTarget, rootStack } from './target.ts'

const REBUILD_TOOLS: readonly string[] = ['initramfs-tools', 'dracut', 'mkinitcpio', 'mkinitfs', 'mkinitrd'] satisfies RebuildTool[]

/** Makes the initramfs images of the kernels serve the target: what serves is left alone, drivers are appended, else it is rebuilt. */
export async function fitInitramfs(
  session: MorphSession,
  open: OpenGuest,
  at: { tree: GuestTree; boot: BootFacts },
): Promise<{ readonly changes: readonly string[]; readonly images: readonly string[] }> {
  const [changes, images]: [string[], string[]] = [[], []]
  for (const kernel of at.boot.kernels) {
    const { verdict, reasons } = kernel.verdict
    if (verdict === 'serves') continue
    if (verdict === 'cannot') {
      session.warn(`kernel ${kernel.version}${kernel.isDefault ? ', which starts by default,' : ''} cannot serve: ${reasons.join('; ')}`)
      continue
    }
    const did = await runStep(session.emit, `Fitting the initramfs of ${kernel.version}`, () =>
      fitImage(session, open, { tree: at.tree, kernel }),
    )
    changes.push(did.words)
    if (did.image !== undefined) images.push(did.image)
  }
  return { changes, images }
}

/** What was done, in words, and to which file: none where it was left as it is. */
interface Fitted {
  readonly words: string
  readonly image?: string
}

async function fitImage(session: MorphSession, open: OpenGuest, of: { tree: GuestTree; kernel: KernelFacts }): Promise<Fitted> {
  const { machine, signal } = session
  const { kernel, tree } = of
  const image = kernel.initramfs
  if (image === undefined) return { words: `${kernel.version}: a unified kernel image is left as it is` }
  if (kernel.verdict.verdict === 'overlay' && kernel.verdict.overlay !== undefined) {
    const { addedBytes } = await appendOverlay(machine, { tree, root: open.guest.at, image, plan: kernel.verdict.overlay, signal })
    return { image, words: `${image}: appended ${addedBytes} bytes (${kernel.verdict.reasons.join('; ')})` }
  }
  return rebuild(session, open, { ...of, image })
}

async function rebuild(
  session: MorphSession,
  open: OpenGuest,
  of: { tree: GuestTree; kernel: KernelFacts; image: string },
): Promise<Fitted> {
  const { machine, signal, emit, request } = session
  const { storage, guest, facts } = open
  const { tree, kernel, image } = of
  const tool = facts.initramfsTool
  if (!isRebuildTool(tool)) {
    session.warn(
      `the initramfs of ${kernel.version} needs a rebuild (${kernel.verdict.reasons.join('; ')}), and no tool for it was found in the guest`,
    )
    return { words: `${image}: left as it is` }
  }
  const stack = rootStack(storage, guest)
  const modules = readKernelModules(tree, kernel.version)
  const judge = (reading: NonNullable<Awaited<ReturnType<typeof readGuestImage>>>): readonly string[] => {
    const { bus } = bootTarget(request.target, facts)
    const again = judgeKernel({
      tree,
      cmdline: '',
      bus,
      root: stack,
      resolve: stableNames(resolverFor(tree, attachedDisks(storage))),
      image: reading,
      ...(modules === undefined ? {} : { modules }),
    })
    return again.verdict === 'serves' ? [] : again.reasons
  }
  emit({ kind: 'progress', message: `${tool} builds it anew; that takes a minute, more under emulation` })
  const result = await rebuildInitramfs({
    machine,
    tree,
    root: guest.at,
    chroot: argv => ['chroot', guest.at, ...argv],
    tool,
    version: kernel.version,
    kernelImage: kernel.image,
    initramfs: image,
    judge,
    onOutput: text => emit({ kind: 'progress', message: text.trim().slice(-200) }),
    signal,
  })
  const sizes = `${result.oldBytes} to ${result.newBytes} bytes`
  return { image, words: `${image}: rebuilt with ${result.argv[0]}, ${sizes} (${kernel.verdict.reasons.join('; ')})` }
}

function isRebuildTool(tool: string): tool is RebuildTool {
  return REBUILD_TOOLS.includes(tool)
}
