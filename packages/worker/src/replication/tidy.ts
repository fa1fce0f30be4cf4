import { chmod, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { CLUSTER_BYTES, mergeImages, syncFolder } from '@instar/machine'
import { chainOf, type Replica } from './open-replica.ts'
import { nameOf, writeReplicaRecord } from './replica-record.ts'

/** Which generations stay. */
export interface Retention {
  /** How many at most; at least the newest stays. */
  readonly count?: number
  /** Those that are older go, but the newest. */
  readonly maxAgeMs?: number
}

export interface TidyRequest {
  /** How many files a generation may consist of. */
  readonly chainLimit: number
  readonly retention: Retention
  readonly nowMs: number
  readonly signal: AbortSignal
  readonly say: (message: string) => void
}

/** The oldest file is worth copying once so much of its size lies in those that are merged into it. */
const REBASE_SHARE = 0.5

/**
 * Drops the generations that retention does not keep and those that make the chain too long, and merges their files into the ones that are
 * based on them. Every file is replaced by one rename by a file of the same content, so that it may be cut off anywhere.
 */
export async function tidyReplica(replica: Replica, request: TidyRequest): Promise<void> {
  const kept = keptNumbers(replica, request)
  const dropped = replica.record.generations.filter(({ number }) => !kept.has(number))
  if (dropped.length > 0) {
    request.say(`Dropping ${dropped.length} old generations of the disk ${replica.record.disk_id}`)
    // First of all: from here on nobody asks for them.
    replica.record = { ...replica.record, generations: replica.record.generations.filter(({ number }) => kept.has(number)) }
    await writeReplicaRecord(replica.folder, replica.record)
  }
  await mergeFiles(replica, kept, request)
}

function keptNumbers({ record }: Replica, { retention, nowMs, chainLimit }: TidyRequest): Set<number> {
  const newest = record.generations.at(-1)
  // The oldest file stays in the chain although its generation may be gone, so one place is for it.
  const count = Math.max(1, Math.min(retention.count ?? Infinity, chainLimit - 1))
  const { maxAgeMs = Infinity } = retention
  const young = record.generations.filter(
    ({ created_at, number }) => number === newest?.number || nowMs - Date.parse(created_at) <= maxAgeMs,
  )
  return new Set(young.slice(-count).map(({ number }) => number))
}

/** Merges each run of files without a generation into the one after them; the oldest file only where that is worth it. */
async function mergeFiles(replica: Replica, kept: ReadonlySet<number>, request: TidyRequest): Promise<void> {
  const newest = replica.record.generations.at(-1)
  if (newest === undefined) return
  const oldestFirst = (await chainOf(replica.folder, newest.number)).map(({ path }) => path).toReversed()
  let run: string[] = []
  for (const [index, file] of oldestFirst.entries()) {
    run.push(file)
    const isKept = kept.has(Number.parseInt(basename(file), 10))
    // The oldest file begins a run of its own, which is joined with the next one only where it pays.
    if (!isKept && index > 0) continue
    if (run.length > 1) await mergeRun(replica, run, request)
    run = []
    if (!isKept && index === 0 && (await paysRebase(oldestFirst, kept))) run = [file]
  }
}

async function paysRebase(oldestFirst: readonly string[], kept: ReadonlySet<number>): Promise<boolean> {
  const sizes = await Promise.all(oldestFirst.map(async file => (await stat(file)).size))
  const firstKept = oldestFirst.findIndex(file => kept.has(Number.parseInt(basename(file), 10)))
  const added = sizes.slice(1, firstKept + 1).reduce((sum, size) => sum + size, 0)
  return added > CLUSTER_BYTES * 16 && added >= sizes[0]! * REBASE_SHARE
}

async function mergeRun({ folder }: Replica, run: readonly string[], { signal, say }: TidyRequest): Promise<void> {
  const last = run.at(-1)!
  const merged = join(folder, `${nameOf(Number.parseInt(basename(last), 10))}.merged`)
  say(`Merging ${run.length} files into ${basename(last)}`)
  await mergeImages(run, merged, signal)
  await chmod(merged, 0o400)
  await rename(merged, last)
  await syncFolder(folder)
  for (const file of run.slice(0, -1)) await rm(file)
}
