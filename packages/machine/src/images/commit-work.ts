import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { InstarError } from '@instar/contract'
import type { BlockNode, ImageLink } from './block-node.ts'
import { blockNode, nodeName, topNode } from './block-node.ts'
import { readChain } from './chain.ts'
import type { CommitEntry, CommitJournal } from './commit-journal.ts'
import { journalFileOf } from './commit-journal.ts'
import { removeDurably, syncFile } from './durable.ts'
import { readAt } from './image-file.ts'
import { readKeepRecord, releaseKept } from './keep.ts'
import { removeLayerDirectory } from './layer.ts'
import { parseQcow2Header } from './qcow2-header.ts'
import { readVirtualBytes, runQemuImg } from './qemu-img.ts'
import { allowedPlaces } from './reference.ts'
import { fitsSamples } from './samples.ts'
import { ownerOfLayer } from './sweep.ts'

const LAYER_HEAD_BYTES = 64 * 1024

/** Size and header of a layer, by which it is known again. */
export async function readLayerMark(file: string): Promise<{ bytes: number; headSha256: string; head: Buffer }> {
  await using handle = await open(file, 'r')
  const head = await readAt(handle, 0, LAYER_HEAD_BYTES)
  return { bytes: (await handle.stat()).size, headSha256: createHash('sha256').update(head).digest('hex'), head }
}

/** Writes one layer into its image and both to disk. Doing it again, or after half of it, gives the same image. */
export async function commitEntry(
  entry: CommitEntry,
  node: BlockNode,
  fds: readonly number[],
  onPercent?: (percent: number) => void,
): Promise<void> {
  // Not to be cancelled: half of it is of no use to anybody, and the journal would have it finished anyway.
  const signal = new AbortController().signal
  // -d: the layer stays as it is, so that the commit can be repeated.
  const args = ['commit', '-d', '-p', nodeName(node)]
  await runQemuImg(`the commit to ${entry.path}`, args, { signal, holdFds: fds, ...(onPercent === undefined ? {} : { onPercent }) })
  await syncFile(entry.path)
}

/** The block graph of a journal's entry, after all that could be wrong with image and layer has been refused (`image.commit-refused`). */
export async function openEntry(entry: CommitEntry, runId: string, signal: AbortSignal): Promise<BlockNode> {
  const image = await requireFittingImage(entry, signal)
  await requireFittingLayer(entry, runId)
  return blockNode([{ path: entry.layer, format: 'qcow2' }, ...image])
}

async function requireFittingImage(entry: CommitEntry, signal: AbortSignal): Promise<readonly ImageLink[]> {
  const { links } = await readChain(entry.path, entry.format, await allowedPlaces(entry.allow_backing))
  const [top] = links
  if (top === undefined || top.path !== entry.path) throw refused(entry, `the image is now at ${top?.path ?? 'no place'}`)
  const virtualBytes = await readVirtualBytes(topNode(top), signal)
  if (virtualBytes !== entry.virtual_bytes_before && virtualBytes !== entry.virtual_bytes_after) {
    throw refused(entry, `the image is another one: ${virtualBytes} bytes instead of ${entry.virtual_bytes_before}`)
  }
  if (!(await fitsSamples(top, entry.samples, signal))) throw refused(entry, 'the image is another one: its content is not what it was')
  return links
}

async function requireFittingLayer(entry: CommitEntry, runId: string): Promise<void> {
  const mark = await readLayerMark(entry.layer).catch((cause: unknown) => {
    throw refused(entry, `its layer ${entry.layer} cannot be read`, cause)
  })
  if (mark.bytes !== entry.layer_bytes || mark.headSha256 !== entry.layer_head_sha256)
    throw refused(entry, `its layer ${entry.layer} was changed`)
  const header = parseQcow2Header(mark.head)
  if (header.dataFile !== undefined || header.isEncrypted) throw refused(entry, `its layer ${entry.layer} is none of ours`)
  const directory = dirname(entry.layer)
  if (ownerOfLayer(basename(directory)) === undefined || (await readKeepRecord(directory))?.run_id !== runId) {
    throw refused(entry, `its layer ${entry.layer} does not belong to the run ${runId}`)
  }
}

/**
 * Removes journals and layers, in an order that can be cut off anywhere: the first image's journal goes last of the journals, since the
 * others mean nothing without it, and the layers are no longer kept before the first journal goes.
 */
export async function clearCommit(journal: CommitJournal, onCleared?: (path: string) => void): Promise<void> {
  for (const entry of journal.images) await releaseKept(dirname(entry.layer))
  for (const entry of journal.images.toReversed()) {
    await removeDurably(journalFileOf(entry.path))
    onCleared?.(entry.path)
  }
  for (const entry of journal.images) {
    const directory = dirname(entry.layer)
    if (ownerOfLayer(basename(directory)) !== undefined) await removeLayerDirectory(directory)
  }
}

function refused(entry: CommitEntry, why: string, cause?: unknown): InstarError {
  return new InstarError('image.commit-refused', `the unfinished commit to ${entry.path} cannot go on: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    details: { image: entry.path, layer: entry.layer, journal: journalFileOf(entry.path) },
  })
}
