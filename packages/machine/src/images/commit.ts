import { access, constants } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { InstarError } from '@instar/contract'
import { topNode } from './block-node.ts'
import { clearCommit, commitEntry, readLayerMark } from './commit-work.ts'
import type { CommitEntry, CommitJournal } from './commit-journal.ts'
import { formatJournal, journalFileOf } from './commit-journal.ts'
import { removeDurably, writeDurably } from './durable.ts'
import { requireFreeSpace } from './free-space.ts'
import { fileIdentity, isSameFile } from './image-file.ts'
import { releaseKept } from './keep.ts'
import { keepLayers } from './kept-layers.ts'
import type { Layer } from './layer.ts'
import { requireDurable } from './layer.ts'
import type { ImageLocks } from './lock.ts'
import type { ProbedImage } from './probe.ts'
import { checkTables } from './qemu-img.ts'
import { takeSamples } from './samples.ts'

/** Points of a commit, as they are passed: for progress, and for tests that cut it off there. */
export type CommitStep = 'layers-kept' | 'prepared' | 'committing' | 'committed' | 'done' | 'cleared'

export interface CommitOptions {
  readonly runId: string
  /** Exclusive locks of all the images. */
  readonly locks: ImageLocks
  readonly signal: AbortSignal
  /** `image` where the step is one of an image. */
  readonly onStep?: (step: CommitStep, image?: string) => void
  readonly onPercent?: (image: string, percent: number) => void
}

const MAX_FILE_NAME_BYTES = 255

/** Refuses (`image.not-in-place`) an image that cannot be changed in place. Ask before the work, not after it. */
export async function requireInPlace(image: ProbedImage): Promise<void> {
  if (image.format !== 'raw' && image.format !== 'qcow2') throw notInPlace(image, `it is ${image.format}`)
  if (image.dataFiles.length > 0) throw notInPlace(image, `its data lies in ${image.dataFiles.join(', ')}`)
  if (Buffer.byteLength(basename(journalFileOf(image.path))) > MAX_FILE_NAME_BYTES)
    throw notInPlace(image, 'its name is too long for a journal beside it')
  for (const path of [image.path, dirname(image.path)]) {
    await access(path, constants.W_OK).catch((cause: unknown) => {
      throw notInPlace(image, `${path} cannot be written`, cause)
    })
  }
}

/**
 * Writes the layers into their images, all or none: kept and written down beside the images first, so that what is cut off is finished by
 * `finishPendingCommits`. Until the step `committing` a failure or cancel leaves the images as they were; from there on it cannot be
 * cancelled, and a failure is `image.commit-unfinished`.
 */
export async function commitLayers(layers: readonly Layer[], options: CommitOptions): Promise<void> {
  const journal = await prepareJournal(layers, options)
  const [primary, ...others] = journal.images
  if (primary === undefined) return
  try {
    await keepLayers(layers, options.runId, 'commit')
    options.onStep?.('layers-kept')
    for (const entry of others) {
      await writeJournal(entry, { ...journal, state: 'prepared' })
      options.onStep?.('prepared', entry.path)
    }
    options.signal.throwIfAborted()
    await writeJournal(primary, journal)
  } catch (error) {
    await undoPreparation(journal)
    throw error
  }
  options.onStep?.('committing')
  await finishing(journal, async () => {
    for (const [index, entry] of journal.images.entries()) {
      const node = layers[index]?.node
      if (node === undefined) throw new InstarError('internal.bug', `no layer for ${entry.path}`)
      await commitEntry(entry, node, options.locks.fds, percent => options.onPercent?.(entry.path, percent))
      options.onStep?.('committed', entry.path)
    }
    await writeJournal(primary, { ...journal, state: 'done' })
    options.onStep?.('done')
    await clearCommit(journal, path => options.onStep?.('cleared', path))
  })
}

/** All that can go wrong before anything is written down. */
async function prepareJournal(layers: readonly Layer[], options: CommitOptions): Promise<CommitJournal> {
  const images: CommitEntry[] = []
  requireIndependent(layers)
  for (const layer of layers) {
    const { image } = layer
    await requireInPlace(image)
    await requireDurable(layer)
    if (!isSameFile(await fileIdentity(image.path), image.identity)) {
      throw new InstarError(
        'image.changed',
        `${image.path} was changed while the run worked on a layer of it; the layer is not written to it`,
      )
    }
    await checkTables(topNode({ path: layer.file, format: 'qcow2' }), options.signal)
    const mark = await readLayerMark(layer.file)
    await requireFreeSpace(dirname(image.path), mark.bytes, `the commit to ${image.path}`)
    images.push({
      path: image.path,
      format: image.format === 'raw' ? 'raw' : 'qcow2',
      virtual_bytes_before: image.virtualBytes,
      virtual_bytes_after: layer.virtualBytes,
      allow_backing: image.chain.slice(1).map(link => link.path),
      layer: layer.file,
      layer_bytes: mark.bytes,
      layer_head_sha256: mark.headSha256,
      samples: await takeSamples(layer.node, { path: image.path, format: image.format }, options.signal),
    })
  }
  return { version: 1, run_id: options.runId, state: 'committing', begun_at: new Date().toISOString(), images }
}

/** A commit to an image changes every disk that is based on it. */
function requireIndependent(layers: readonly Layer[]): void {
  for (const { image } of layers) {
    const other = layers.find(layer => layer.image.chain.slice(1).some(link => link.path === image.path))
    if (other !== undefined) throw notInPlace(image, `${other.image.path} is based on it`)
  }
}

async function writeJournal(entry: CommitEntry, journal: CommitJournal): Promise<void> {
  await writeDurably(journalFileOf(entry.path), formatJournal(journal))
}

/** The first image's journal decides, so it must be gone for sure before the rest goes. */
async function undoPreparation(journal: CommitJournal): Promise<void> {
  for (const entry of journal.images) await removeDurably(journalFileOf(entry.path))
  for (const entry of journal.images) await releaseKept(dirname(entry.layer))
}

/** Says, whatever failed after the decision, that the commit is to be finished. */
export async function finishing(journal: CommitJournal, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    const names = journal.images.map(entry => entry.path).join(', ')
    throw new InstarError('image.commit-unfinished', `the commit of the run ${journal.run_id} to ${names} stopped in the middle`, {
      cause,
      details: { journals: journal.images.map(entry => journalFileOf(entry.path)), layers: journal.images.map(entry => entry.layer) },
    })
  }
}

function notInPlace(image: ProbedImage, why: string, cause?: unknown): InstarError {
  return new InstarError('image.not-in-place', `${image.path} cannot be changed in place: ${why}`, cause === undefined ? {} : { cause })
}
