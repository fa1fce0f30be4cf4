import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InstarError } from '@instar/contract'
import type { BlockNode } from '../images/block-node.ts'
import { blockNode } from '../images/block-node.ts'
import { writeDurably } from '../images/durable.ts'
import type { FileIdentity } from '../images/image-file.ts'
import { isSameFile } from '../images/image-file.ts'
import { createLayerFile } from '../images/layer.ts'
import type { ProbedImage } from '../images/probe.ts'
import { probeImage } from '../images/probe.ts'
import type { ImageFormat } from '../machine.ts'

export interface ReplicaDisk {
  readonly file: string
  /** Absent: the header decides. */
  readonly format?: ImageFormat
}

export interface DisksRequest {
  readonly disks: readonly ReplicaDisk[]
  readonly allowBacking: readonly string[]
  readonly folder: string
  /** The folder stays, and with it what guests write: a power cut must find on the disk what was flushed to it. */
  readonly isKept: boolean
  readonly signal: AbortSignal
}

/** A layer on each disk in the folder; those of an earlier boot are used again, with what the guest wrote then. */
export async function openReplicaDisks(request: DisksRequest): Promise<BlockNode[]> {
  const nodes: BlockNode[] = []
  for (const [index, disk] of request.disks.entries()) {
    const image = await probeImage(disk.file, {
      ...(disk.format === undefined ? {} : { format: disk.format }),
      allowBacking: request.allowBacking,
      skipCheck: true,
      signal: request.signal,
    })
    const file = join(request.folder, `disk${index}.qcow2`)
    await openLayerFile(image, file, request.signal)
    // What is thrown away needs no flushing.
    const extra = request.isKept ? { discard: 'unmap' } : { discard: 'unmap', cache: { 'no-flush': true } }
    nodes.push({ ...blockNode([{ path: file, format: 'qcow2' }, ...image.chain]), ...extra })
  }
  return nodes
}

/** The mark beside a layer is written after it: a layer without one is half made, and made again. */
async function openLayerFile(image: ProbedImage, file: string, signal: AbortSignal): Promise<void> {
  const mark = `${file}.json`
  const identity = await readIdentity(mark)
  if (identity === undefined) {
    await createLayerFile(image, file, image.virtualBytes, signal)
    await writeDurably(mark, `${JSON.stringify({ version: 1, image: image.path, identity: image.identity })}\n`)
  } else if (!isSameFile(identity, image.identity)) {
    throw new InstarError('image.changed', `${image.path} was changed since the boot whose changes are kept in ${file}`)
  }
}

async function readIdentity(mark: string): Promise<FileIdentity | undefined> {
  try {
    return (JSON.parse(await readFile(mark, 'utf8')) as { identity?: FileIdentity }).identity
  } catch {
    return undefined
  }
}
