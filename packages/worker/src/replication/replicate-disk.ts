import { availableParallelism } from 'node:os'
import { finishImage, requireFreeSpace, type NbdTarget } from '@instar/machine'
import { chooseChunks } from './choose-chunks.ts'
import { CHUNK_BYTES, chunksOf } from './copy/chunks.ts'
import { COUNTER, createState, type CopyState } from './copy/copy-state.ts'
import type { CopyRun, ReplicateRequest } from './copy-run.ts'
import { runCopy } from './copy/run-copy.ts'
import { createForecaster } from './forecast.ts'
import { readHashes, writeHashes } from './hash-table.ts'
import { enterAttempt, incomingFiles, readBootId, writeIncoming, type Incoming } from './incoming.ts'
import { chainOf, openReplica, publish, sweepFolder, type Replica } from './open-replica.ts'
import { hashFileOf, imageFile, type Generation } from './replica-record.ts'
import { endBitmap } from './source/bitmaps.ts'
import { noteFiles, openPlainSource } from './source/plain-source.ts'
import { fingerprintOf, serveDisk } from './source/readable-disk.ts'
import { surveyDisk, type Survey } from './source/survey.ts'
import { trackChanges, type Tracking } from './source/track-changes.ts'
import { tidyReplica } from './tidy.ts'
import { hashGeneration } from './verify.ts'
import { verifyCopy } from './verify-copy.ts'

export const DEFAULT_CHAIN_LIMIT = 16
const MAX_THREADS = 4
/** Tables, journal and hashes of a copy, beside its data. */
const OVERHEAD_SHARE = 0.01
const OVERHEAD_BYTES = 16 * 1024 * 1024

/**
 * Copies a disk into its replica as a new generation: all of it the first time, later what changed. Cut off anywhere, the next call goes on
 * where it was; whatever fails, earlier generations stay good. `image.in-use` while a machine runs on the disk or another execution works on
 * the replica, `image.no-space` where the destination is full.
 */
export async function replicateDisk(request: ReplicateRequest): Promise<Generation> {
  const { source, folder, signal } = request
  await using replica = await openReplica(folder, source.diskId)
  const done = replica.record.generations.find(({ execution_id }) => execution_id === request.executionId)
  if (done !== undefined) return done
  await makeRoomInChain(replica, request)
  const base = replica.record.generations.at(-1)
  const forecast = createForecaster()
  const run: CopyRun = {
    request,
    replica,
    base,
    number: (base?.number ?? 0) + 1,
    tracking: await trackChanges({
      source,
      base,
      earlier: replica.earlier,
      name: `instar-${request.executionId}`,
      say: request.say,
      signal,
    }),
    threads: request.threads ?? Math.min(MAX_THREADS, availableParallelism()),
    onProgress: progress => request.onProgress(forecast(progress, performance.now())),
  }
  const generation = await makeGeneration(run)
  await tidyReplica(replica, tidyOptions(request))
  await dropBitmap(run)
  await sweepFolder(replica)
  return generation
}

/** Serves the source, copies it, and puts the new generation in its place. */
async function makeGeneration(run: CopyRun): Promise<Generation> {
  const { request, replica, tracking } = run
  const fingerprint = (await fingerprintOf(request.source)) ?? null
  const noted = await noteFiles(request.source)
  await using served = await serveDisk(request.source, { ...bitmapOption(tracking), signal: request.signal })
  const survey = await surveyDisk(served.target, tracking.since, request.signal)
  const state = await prepareState(run, survey)
  const wanted: Incoming = {
    version: 1,
    number: run.number,
    base: run.base?.number ?? null,
    virtual_bytes: state.virtualBytes,
    is_hashing: state.hashes !== undefined,
    fingerprint,
    bitmap: tracking.next ?? null,
    bitmap_since: tracking.since ?? null,
    boot_id: await readBootId(),
  }
  const files = incomingFiles(replica.folder, run.number)
  await enterAttempt(files, { wanted, earlier: replica.earlier, state })
  await requireRoom(run, state)
  await using plain = await openPlainSource(request.source, noted, request.signal)
  await runCopy({
    target: served.target,
    ...(plain === undefined ? {} : { plain }),
    state,
    threads: run.threads,
    output: { dataFile: files.data, journalFile: files.journal, hasBase: run.base !== undefined },
    signal: request.signal,
    onProgress: run.onProgress,
  })
  const generation = await finish(run, { state, target: served.target, wanted })
  await writeIncoming(files.record, { ...wanted, generation })
  await publish(replica, generation)
  return generation
}

/** The tables of the new file, its hashes, and the comparison where it was asked for. */
async function finish(run: CopyRun, copy: { state: CopyState; target: NbdTarget; wanted: Incoming }): Promise<Generation> {
  const { request, replica, base, number } = run
  const { state, wanted } = copy
  const files = incomingFiles(replica.folder, number)
  const backing = base === undefined ? {} : { backingFile: imageFile('', base.number) }
  await finishImage(files.data, { virtualBytes: state.virtualBytes, ...backing }, state.map)
  if (state.hashes !== undefined) await writeHashes(files.hashes, state.hashes)
  if (request.verify) await verifyCopy(run, { file: files.data, state, target: copy.target })
  return {
    number,
    execution_id: request.executionId,
    created_at: request.now().toISOString(),
    virtual_bytes: state.virtualBytes,
    read_bytes: Number(state.counters[COUNTER.readBytes]),
    written_bytes: Number(state.counters[COUNTER.writtenBytes]),
    bitmap: wanted.bitmap,
    verified: request.verify,
  }
}

async function prepareState(run: CopyRun, survey: Survey): Promise<CopyState> {
  const { base } = run
  // Where bitmaps tell what changes, hashes would only cost: they are made again should the bitmaps ever be lost.
  const isHashing = run.tracking.next === undefined || (base !== undefined && run.tracking.since === undefined)
  const hashes = isHashing && base !== undefined ? await baseHashes(run, base) : undefined
  const state = createState({
    virtualBytes: survey.virtualBytes,
    spans: survey.spans,
    isHashing,
    ...(hashes === undefined ? {} : { hashes }),
  })
  chooseChunks(state, survey, base?.virtual_bytes)
  return state
}

/** The hashes kept with the last generation; where they are missing, they are made from its files. */
async function baseHashes({ request, replica, threads, onProgress }: CopyRun, base: Generation): Promise<Uint8Array> {
  const kept = await readHashes(hashFileOf(replica.folder, base.number), chunksOf(base.virtual_bytes))
  if (kept !== undefined) return kept
  request.say(`Reading the replica of the disk ${request.source.diskId}: no hashes of its last generation are kept`)
  return await hashGeneration(await chainOf(replica.folder, base.number), { threads, signal: request.signal, onProgress })
}

/**
 * What the copy will surely write must fit: all data of a first copy, all that a bitmap names. Found by hashes, a change is known only when it
 * is read: then as much as the last time is asked for.
 */
async function requireRoom({ request, replica, base, tracking }: CopyRun, state: CopyState): Promise<void> {
  const wantedBytes = state.wanted.reduce((sum, wanted) => sum + wanted, 0) * CHUNK_BYTES
  const isKnown = base === undefined || tracking.since !== undefined
  const dataBytes = isKnown ? wantedBytes : Math.min(wantedBytes, base.written_bytes)
  const needBytes = Math.ceil(dataBytes * (1 + OVERHEAD_SHARE)) + OVERHEAD_BYTES
  await requireFreeSpace(replica.folder, needBytes, `the copy of the disk ${request.source.diskId}`)
}

async function makeRoomInChain(replica: Replica, request: ReplicateRequest): Promise<void> {
  const newest = replica.record.generations.at(-1)
  if (newest === undefined) return
  const { chainLimit } = tidyOptions(request)
  const files = await chainOf(replica.folder, newest.number)
  if (files.length < chainLimit) return
  await tidyReplica(replica, { ...tidyOptions(request), chainLimit: chainLimit - 1 })
}

function tidyOptions(request: ReplicateRequest): Parameters<typeof tidyReplica>[1] {
  const { chainLimit = DEFAULT_CHAIN_LIMIT, retention = {}, signal, say } = request
  return { chainLimit, retention, nowMs: request.now().getTime(), signal, say }
}

/** The bitmap that the last copy was found by has served; the source would note in it for ever. */
async function dropBitmap({ request, base, tracking }: CopyRun): Promise<void> {
  const name = base?.bitmap ?? undefined
  if (name === undefined || name === tracking.next || !tracking.isPossible) return
  await endBitmap(request.source, name, request.signal)
}

function bitmapOption({ since }: Tracking): { bitmap?: string } {
  return since === undefined ? {} : { bitmap: since }
}
