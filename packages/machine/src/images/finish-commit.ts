import { readFile, lstat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { InstarError } from '@instar/contract'
import type { BlockNode } from './block-node.ts'
import { finishing } from './commit.ts'
import { clearCommit, commitEntry, openEntry } from './commit-work.ts'
import type { CommitEntry, CommitJournal } from './commit-journal.ts'
import { formatJournal, journalFileOf, parseJournal } from './commit-journal.ts'
import { writeDurably } from './durable.ts'
import { realImagePath } from './image-file.ts'
import type { ImageLocks, LockMode } from './lock.ts'
import { takeLocks } from './lock.ts'
import { folderBeside } from './layer.ts'
import { sweepLayers } from './sweep.ts'

export interface FinishOptions {
  readonly signal: AbortSignal
  /** Tells the user, in a sentence, what an earlier run left and what was done about it. */
  readonly say: (message: string) => void
}

const MAX_JOURNAL_BYTES = 4 * 1024 * 1024
const MAX_TRIES = 5

/**
 * Locks images for a run, after whatever an earlier one left at them has been finished or removed. `image.in-use` when another run has one;
 * `image.commit-refused` when a commit is unfinished and cannot be finished.
 */
export async function lockImages(files: readonly string[], options: FinishOptions & { readonly mode: LockMode }): Promise<ImageLocks> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    await finishPendingCommits(files, options)
    const locks = await takeLocks(files, options.mode)
    const paths = await Promise.all(files.map(realImagePath))
    // Another run may have begun, and died in, a commit just before the lock.
    if (!(await anyJournal(paths))) {
      for (const path of paths) await sweepLayers(folderBeside({ path }))
      return locks
    }
    await locks[Symbol.asyncDispose]()
  }
  throw new InstarError('image.in-use', `${files.join(', ')}: other runs of Instar begin commits again and again`)
}

/** Finishes each commit that a killed run began on these images, with all other disks of its machine; nothing to do is the usual case. */
export async function finishPendingCommits(files: readonly string[], options: FinishOptions): Promise<void> {
  for (const file of files) await finishPendingCommit(await realImagePath(file), options)
}

async function finishPendingCommit(path: string, options: FinishOptions): Promise<void> {
  const seen = await readJournal(path)
  if (seen === undefined) return
  await using locks = await takeJournalLocks(seen, path)
  // Read again: before the lock was ours, another run may have finished it.
  const journal = await readJournal(path)
  if (journal === undefined) return
  if (journal.run_id !== seen.run_id) throw new InstarError('image.in-use', `${path}: another run of Instar has just begun a commit`)

  const primary = await decidingJournal(journal, path)
  if (primary === undefined) return await rollBack(journal, options)
  if (primary.state === 'committing') await finish(primary, locks, options)
  await clearCommit(primary)
}

async function finish(journal: CommitJournal, locks: ImageLocks, { say, signal }: FinishOptions): Promise<void> {
  const names = journal.images.map(entry => entry.path).join(', ')
  say(`Finishing the commit to ${names} that the run ${journal.run_id} began at ${journal.begun_at} and that was cut off`)
  const nodes: [CommitEntry, BlockNode][] = []
  for (const entry of journal.images) {
    await requireOwnJournal(entry, journal)
    nodes.push([entry, await openEntry(entry, journal.run_id, signal)])
  }
  await finishing(journal, async () => {
    for (const [entry, node] of nodes) await commitEntry(entry, node, locks.fds)
    const [primary] = journal.images
    if (primary !== undefined) await writeDurably(journalFileOf(primary.path), formatJournal({ ...journal, state: 'done' }))
  })
  say(
    `Finished: ${names} ${journal.images.length === 1 ? 'is' : 'are'} as the run ${journal.run_id} left ${journal.images.length === 1 ? 'it' : 'them'}`,
  )
}

/** The journal that says whether the commit was decided; `undefined` when it was not. */
async function decidingJournal(journal: CommitJournal, path: string): Promise<CommitJournal | undefined> {
  const [primary] = journal.images
  if (!journal.images.some(entry => entry.path === path) || primary === undefined) {
    throw new InstarError(
      'image.commit-refused',
      `${journalFileOf(path)} belongs to other images: ${journal.images.map(entry => entry.path).join(', ')}`,
      {
        hint: 'Put the image back to the path that the journal names, or remove the journal if it came with a copy of the image.',
      },
    )
  }
  const deciding = primary.path === path ? journal : await readJournal(primary.path)
  return deciding?.run_id === journal.run_id && deciding.state !== 'prepared' ? deciding : undefined
}

/** Written before the first image's journal: nothing was changed, the images are as they were. */
async function rollBack(journal: CommitJournal, { say }: FinishOptions): Promise<void> {
  const own: CommitEntry[] = []
  for (const entry of journal.images) if ((await readJournal(entry.path))?.run_id === journal.run_id) own.push(entry)
  say(
    `The run ${journal.run_id} was cut off before it changed ${journal.images.map(entry => entry.path).join(', ')}: its leftovers are removed`,
  )
  await clearCommit({ ...journal, images: own })
}

/** Each image of a commit carries its journal until all are done, so no other file can be named by a forged one. */
async function requireOwnJournal(entry: CommitEntry, journal: CommitJournal): Promise<void> {
  const own = await readJournal(entry.path)
  if (own?.run_id === journal.run_id && own.images.some(other => other.path === entry.path && other.layer === entry.layer)) return
  throw new InstarError('image.commit-refused', `${entry.path} has no journal of the run ${journal.run_id}, which names it`)
}

async function takeJournalLocks(journal: CommitJournal, path: string): Promise<ImageLocks> {
  try {
    return await takeLocks([path, ...journal.images.map(entry => entry.path)], 'exclusive')
  } catch (error) {
    if (!(error instanceof InstarError) || error.code !== 'image.not-found') throw error
    throw new InstarError('image.commit-refused', `the commit of the run ${journal.run_id} needs all its images: ${error.message}`, {
      cause: error,
    })
  }
}

async function anyJournal(paths: readonly string[]): Promise<boolean> {
  for (const path of paths) if ((await readJournal(path)) !== undefined) return true
  return false
}

async function readJournal(path: string): Promise<CommitJournal | undefined> {
  const file = journalFileOf(path)
  const status = await lstat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENAMETOOLONG') return undefined
    throw error
  })
  if (status === undefined) return undefined
  if (!status.isFile() || status.size > MAX_JOURNAL_BYTES) {
    throw new InstarError(
      'image.commit-refused',
      `${file} in ${dirname(file)} is no journal: not a file of at most ${MAX_JOURNAL_BYTES} bytes`,
    )
  }
  return parseJournal(await readFile(file, 'utf8'), file)
}
