import { textOf } from './guest-files.ts'
import { createHash } from 'node:crypto'
import { InstarError } from '@instar/contract'
import type { Machine, RunResult } from '@instar/machine'
import type { GuestTree } from '../tree/guest-tree.ts'
import type { InitramfsReading } from './initramfs/read.ts'
import { readGuestImage } from './inspect-boot.ts'
import { readKernelModules } from './kernel/modules.ts'
import { ALL_BUS_MODULES } from './kernel/needs.ts'
import { freeBytes, runOrThrow } from './machine-files.ts'
import { type RebuildCommand, type RebuildTool, rebuildCommands } from './rebuild-commands.ts'

export interface RebuildRequest {
  readonly machine: Machine
  readonly tree: GuestTree
  /** Where the guest's root is mounted on the machine. */
  readonly root: string
  /** Makes an argv of the machine from one of the guest; the chroot and what is masked in it are prepared by the caller. */
  readonly chroot: (argv: readonly string[]) => readonly string[]
  readonly tool: RebuildTool
  readonly version: string
  readonly kernelImage: string
  /** The image to replace, links resolved. */
  readonly initramfs: string
  /** Judges the new image before it replaces the old one; gives what is wrong with it. */
  readonly judge: (image: InitramfsReading) => readonly string[]
  readonly onOutput?: (text: string) => void
  readonly signal: AbortSignal
}

export interface RebuildResult {
  readonly oldBytes: number
  readonly newBytes: number
  readonly durationMs: number
  readonly argv: readonly string[]
}

/** A generic image takes a minute natively and some eight under emulation. */
const BUILD_TIMEOUT_MS = 20 * 60_000
const CLEANUP_TIMEOUT_MS = 60_000
const STEP_TIMEOUT_MS = 120_000

/**
 * Builds a generic initramfs with the guest's own tool into a file of ours, reads it, and only then replaces the old one. Throws
 * `boot.rebuild-failed` with the tool's last words or with what the new image lacks, `boot.no-space` with both numbers.
 */
export async function rebuildInitramfs(request: RebuildRequest): Promise<RebuildResult> {
  const { machine, root, initramfs, version, signal } = request
  // Right in the guest's root: a folder of the guest, like /var/tmp, could be a link out of it.
  const scratch = `/.instar-initramfs-${createHash('sha256').update(initramfs).digest('hex').slice(0, 12)}`
  const built = `${scratch}/initramfs.img`
  const started = Date.now()
  await runOrThrow(machine, ['rm', '-rf', '--one-file-system', `${root}${scratch}`], { signal })
  await runOrThrow(machine, ['mkdir', '-m', '0700', `${root}${scratch}`], { signal })
  try {
    const argv = await build(request, scratch, built)
    const kind = await machine.run(['stat', '--format=%F', `${root}${built}`], { signal })
    const isFile = kind.stdoutTail.trim() === 'regular file'
    const reading = isFile ? await readGuestImage(machine, `${root}${built}`, signal) : undefined
    const problems =
      reading === undefined
        ? ['it was not written']
        : reading.state === 'whole'
          ? request.judge(reading)
          : [`it is ${reading.state}: ${reading.problem}`]
    if (reading === undefined || problems.length > 0) {
      throw new InstarError('boot.rebuild-failed', `the new initramfs of ${version} does not serve: ${problems.join('; ')}`, {
        details: { version, problems },
      })
    }
    const oldBytes = await replaceImage(request, `${root}${built}`, reading.sizeBytes)
    return { oldBytes, newBytes: reading.sizeBytes, durationMs: Date.now() - started, argv }
  } finally {
    await machine.run(['rm', '-rf', '--one-file-system', `${root}${scratch}`], { signal: AbortSignal.timeout(CLEANUP_TIMEOUT_MS) })
  }
}

/** Tries the forms of the command in turn; a form that the tool does not know ends at once. */
async function build(request: RebuildRequest, scratch: string, output: string): Promise<readonly string[]> {
  const { machine, chroot, signal, tool, tree, version, kernelImage, onOutput } = request
  const features = /^\s*features=["']?([^"'\n]*)/m.exec(tool === 'mkinitfs' ? textOf(tree, '/etc/mkinitfs/mkinitfs.conf') : '')?.[1]
  const input = {
    version,
    kernelImage,
    output,
    scratch,
    modules: usefulModules(tree, version),
    ...(features === undefined ? {} : { alpineFeatures: features.split(/\s+/).filter(Boolean) }),
  }
  let last: RunResult | undefined
  for (const command of rebuildCommands(tool, input)) {
    await prepare(request, command)
    const onText = (piece: Buffer): void => onOutput?.(piece.toString())
    last = await machine.run(chroot(command.argv), { signal, timeoutMs: BUILD_TIMEOUT_MS, onStdout: onText, onStderr: onText })
    if (last.exitCode === 0) return command.argv
    if (last.timedOut) break
  }
  const how =
    last?.timedOut === true ? `did not finish within ${BUILD_TIMEOUT_MS / 1000} s` : `ended with ${last?.exitCode ?? last?.signal}`
  throw new InstarError(
    'boot.rebuild-failed',
    `${tool} for ${version} ${how}: ${(last?.stderrTail || last?.stdoutTail || '').trim().slice(-2000)}`,
    {
      details: { tool, version, argv: last?.argv, exitCode: last?.exitCode },
    },
  )
}

/** Within the chroot: what is copied may hold links, and from the machine they would lead out of the guest. */
async function prepare({ machine, chroot, signal }: RebuildRequest, { prepare: steps }: RebuildCommand): Promise<void> {
  for (const step of steps) {
    const argv =
      step.kind === 'copy-folder'
        ? ['cp', '-a', step.from, step.to]
        : ['sh', '-c', 'printf "\\n%s" "$2" >> "$1"', 'sh', step.path, step.text]
    await runOrThrow(machine, chroot(argv), { signal, timeoutMs: STEP_TIMEOUT_MS })
  }
}

/** For every bus, so that the next move needs no rebuild; names that the kernel does not have make dracut complain. */
function usefulModules(tree: GuestTree, version: string): string[] {
  const modules = readKernelModules(tree, version)
  return ALL_BUS_MODULES.filter(name => modules?.files.has(name) === true)
}

/**
 * By a second file and a rename where both fit; else over the old one, which is safe here: the image is verified, and a failed morph
 * throws the whole layer away.
 */
async function replaceImage({ machine, root, initramfs, signal }: RebuildRequest, built: string, newBytes: number): Promise<number> {
  const target = `${root}${initramfs}`
  const folder = target.slice(0, target.lastIndexOf('/'))
  const stat = await machine.run(['stat', '--format=%s', target], { signal })
  const oldBytes = stat.exitCode === 0 ? Number(stat.stdoutTail.trim()) : 0
  const free = await freeBytes(machine, folder, signal)
  if (newBytes > free + oldBytes) {
    const details = { neededBytes: newBytes, freeBytes: free, oldBytes }
    throw new InstarError('boot.no-space', `the new ${initramfs} has ${newBytes} bytes, free ${free} and the old one ${oldBytes}`, {
      details,
    })
  }
  const isRoomy = newBytes <= free
  const place = isRoomy ? `${folder}/.instar-new-initramfs` : target
  await runOrThrow(machine, ['cp', '--no-preserve=all', built, place], { signal, timeoutMs: STEP_TIMEOUT_MS })
  if (isRoomy) {
    if (oldBytes > 0) for (const tool of ['chown', 'chmod']) await runOrThrow(machine, [tool, `--reference=${target}`, place], { signal })
    else await runOrThrow(machine, ['chmod', '0600', place], { signal })
    await runOrThrow(machine, ['mv', '-f', place, target], { signal, timeoutMs: STEP_TIMEOUT_MS })
  }
  await runOrThrow(machine, ['cmp', '--silent', built, target], { signal, timeoutMs: STEP_TIMEOUT_MS })
  await runOrThrow(machine, ['sync', '-f', target], { signal, timeoutMs: STEP_TIMEOUT_MS })
  return oldBytes
}
