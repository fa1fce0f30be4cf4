import { link, open, realpath, rename, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { InstarError } from '@instar/contract'
import type { ImageLink } from './block-node.ts'
import { blockNode, nodeName } from './block-node.ts'
import { syncFile, syncFolder } from './durable.ts'
import { requireFreeSpace } from './free-space.ts'
import { temporaryName } from './owner.ts'
import { measureBytes, runQemuImg } from './qemu-img.ts'
import { sweepTemporaries } from './sweep.ts'

export type OutputFormat = 'raw' | 'qcow2' | 'vmdk' | 'vhdx' | 'vdi'

export interface Output {
  /** The layer or image, and what it is based on. */
  readonly chain: readonly ImageLink[]
  readonly file: string
  readonly format: OutputFormat
}

export interface OutputOptions {
  /** Replaces files that exist. */
  readonly force: boolean
  readonly signal: AbortSignal
  readonly onPercent?: (file: string, percent: number) => void
}

/**
 * Refuses a new image where there is a file already (`image.output-exists`), no folder (`image.not-found`) or one that takes no files
 * (`host.no-access`). Ask before the work, not after it.
 */
export async function requireOutputPossible(outputs: readonly Output[], force: boolean): Promise<void> {
  const targets = new Set<string>()
  for (const output of outputs) {
    const target = await targetPath(output.file)
    if (targets.has(target)) throw new InstarError('image.output-exists', `${output.file} is named for two outputs`)
    targets.add(target)
    await requireFree(output, target, force)
    await requireWritableFolder(dirname(target))
  }
}

async function requireFree(output: Output, target: string, force: boolean): Promise<void> {
  const real = await realpath(target).catch(() => undefined)
  if (real === undefined) return
  if (output.chain.some(link => link.path === real || link.dataFile === real)) {
    throw new InstarError('image.output-exists', `${output.file} is a source of the run itself`, {
      hint: 'Name another file for --output.',
    })
  }
  if (!force || !(await stat(real)).isFile()) throw new InstarError('image.output-exists', `${output.file} exists already`)
}

/**
 * Refuses (`host.no-access`) a folder that takes no new files. Tried by making one: permissions alone do not tell of a file system that
 * is read-only.
 */
export async function requireWritableFolder(folder: string): Promise<void> {
  const trial = join(folder, temporaryName(randomBytes(4).toString('hex')))
  try {
    await writeFile(trial, '', { flag: 'wx' })
    await rm(trial)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC' || code === 'EDQUOT') throw error
    throw new InstarError('host.no-access', `no file can be written into ${folder}`, {
      cause: error,
      hint: 'Name a file in a folder that you may write to, or make this one writable.',
    })
  }
}

/**
 * Writes new images: all of them into temporary files beside their places, then each into place by one rename. Killed in between, it leaves
 * a temporary file that the next run removes; a failure leaves nothing.
 */
export async function writeOutputs(outputs: readonly Output[], options: OutputOptions): Promise<void> {
  await requireOutputPossible(outputs, options.force)
  await using undo = new AsyncDisposableStack()
  const written: { temporary: string; target: string }[] = []
  for (const output of outputs) {
    const target = await targetPath(output.file)
    await sweepTemporaries(dirname(target))
    const temporary = join(dirname(target), temporaryName(randomBytes(4).toString('hex')))
    undo.defer(() => rm(temporary, { force: true }))
    await convert(output, temporary, options)
    written.push({ temporary, target })
  }
  for (const { temporary, target } of written) await publish(temporary, target, options.force)
}

async function convert(output: Output, temporary: string, options: OutputOptions): Promise<void> {
  const node = blockNode(output.chain)
  // What qcow2 needs is near to what every format needs: a raw image is written sparsely too, and the others qemu-img cannot measure.
  const needBytes = await measureBytes(node, options.signal)
  await requireFreeSpace(dirname(temporary), needBytes, `the new image ${output.file}`)
  const created = await open(temporary, 'wx', 0o600)
  await created.close()
  await runQemuImg(`the new image ${output.file}`, ['convert', '-p', '-O', output.format, nodeName(node), temporary], {
    signal: options.signal,
    onPercent: percent => options.onPercent?.(output.file, percent),
  })
  await copyMode(output.chain, temporary)
  await syncFile(temporary)
}

/** The new image is as private as the image it was made of (the last but the layers, which are ours alone). */
async function copyMode(chain: readonly ImageLink[], file: string): Promise<void> {
  const source = chain.find(link => basename(link.path) !== 'layer.qcow2') ?? chain[0]
  if (source === undefined) return
  await using handle = await open(file, 'r')
  await handle.chmod((await stat(source.path)).mode & 0o666)
}

async function publish(temporary: string, target: string, force: boolean): Promise<void> {
  if (force) await rename(temporary, target)
  else await linkIntoPlace(temporary, target)
  await syncFolder(dirname(target))
}

/** A rename would replace what somebody made there meanwhile; a link does not. */
async function linkIntoPlace(temporary: string, target: string): Promise<void> {
  try {
    await link(temporary, target)
    await unlink(temporary)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw new InstarError('image.output-exists', `${target} was made by somebody else meanwhile`, { cause: error })
    // File systems without links (vfat, some network ones).
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw error
    await rename(temporary, target)
  }
}

async function targetPath(file: string): Promise<string> {
  const folder = await realpath(dirname(file)).catch((cause: unknown) => {
    throw new InstarError('image.not-found', `there is no folder for the new image ${file}`, {
      cause,
      hint: 'Make the folder, or name a file in one that is there.',
    })
  })
  return join(folder, basename(file))
}
