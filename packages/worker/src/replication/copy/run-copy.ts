import { existsSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { ERRORS, InstarError, type ErrorCode } from '@instar/contract'
import type { NbdTarget } from '@instar/machine'
import { CHUNK_BYTES } from './chunks.ts'
import { COUNTER, type CopyState } from './copy-state.ts'
import { encodeRecord } from './journal.ts'
import type { PlainFiles, ThreadJob, ThreadMessage } from './thread-job.ts'

export interface CopyRequest {
  readonly target: NbdTarget
  /** Past the target, where given; open until the copy has ended. */
  readonly plain?: PlainFiles
  readonly state: CopyState
  readonly threads: number
  /** Absent: the source is read and hashed only. */
  readonly output?: { readonly dataFile: string; readonly journalFile: string; readonly hasBase: boolean }
  readonly signal: AbortSignal
  readonly onProgress: (done: CopyProgress) => void
}

/** In bytes of chunks that are looked at. */
export interface CopyProgress {
  readonly doneBytes: number
  readonly totalBytes: number
}

const PROGRESS_EVERY_MS = 250
/** How often it is looked whether a sync is due: in this time a fast disk takes about as much as one sync is for. */
const SYNC_POLL_MS = 50
/**
 * After so much new data what is written is brought to stable storage: what a power cut costs at most, beside what is in flight. Small enough
 * that the disk is busy while the copy runs, and little is left to wait for at its end.
 */
const SYNC_EVERY_BYTES = 64 * 1024 * 1024
/** A further thread costs more than it brings where there is less for it to do: 16 MiB. */
const CHUNKS_PER_THREAD = 64
/** A thread looks at its stop mark after each piece; one that waits for a dead server does not. */
const STOP_GRACE_MS = 2000

/** Copies the wanted chunks on several threads. Throws the first failure, with all threads ended. */
export async function runCopy(request: CopyRequest): Promise<void> {
  const { state, output, signal } = request
  signal.throwIfAborted()
  const total = state.wanted.reduce((count, wanted) => count + wanted, 0)
  if (total === 0) return
  await using stack = new AsyncDisposableStack()
  const files = output === undefined ? undefined : await openOutput(output, stack)
  const job: ThreadJob = {
    target: request.target,
    state,
    ...(request.plain === undefined ? {} : { plain: { fds: request.plain.fds, stretches: request.plain.stretches } }),
    ...(files === undefined ? {} : { output: { dataFd: files.data.fd, journalFd: files.journal.fd, hasBase: output?.hasBase === true } }),
  }
  const threads = Array.from({ length: Math.min(request.threads, Math.ceil(total / CHUNKS_PER_THREAD)) }, () => startThread(job))
  const watch = new AbortController()
  const watching = watchCopy(request, { files, total, signal: watch.signal })
  try {
    await Promise.race([Promise.all(threads.map(({ ended }) => ended)), aborted(signal), watching])
  } catch (error) {
    signal.throwIfAborted()
    throw error instanceof InstarError && error.code === 'image.no-space' ? noSpace(output?.dataFile ?? '', error) : error
  } finally {
    Atomics.store(state.counters, COUNTER.stop, 1n)
    await Promise.all(threads.map(thread => thread.end()))
    watch.abort()
    await watching.catch(() => undefined)
  }
  const totalBytes = total * CHUNK_BYTES
  request.onProgress({ doneBytes: totalBytes, totalBytes })
}

interface OutputFiles {
  readonly data: FileHandle
  readonly journal: FileHandle
}

async function openOutput(output: NonNullable<CopyRequest['output']>, stack: AsyncDisposableStack): Promise<OutputFiles> {
  return { data: stack.use(await open(output.dataFile, 'r+')), journal: stack.use(await open(output.journalFile, 'a')) }
}

interface Thread {
  readonly ended: Promise<void>
  end(): Promise<void>
}

function startThread(job: ThreadJob): Thread {
  // In the npm package it is JavaScript: Node strips no types below node_modules.
  const [source, built] = ['ts', 'js'].map(ending => new URL(`./copy-thread.${ending}`, import.meta.url)) as [URL, URL]
  const worker = new Worker(existsSync(source) ? source : built, { workerData: job, execArgv: ['--disable-warning=ExperimentalWarning'] })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const gone = new Promise<void>(done => worker.once('exit', () => done()))
  worker.once('message', (message: ThreadMessage) => {
    if (message.kind === 'done') resolve()
    else reject(failureOf(message))
  })
  worker.once('error', reject)
  worker.once('exit', code => reject(new InstarError('internal.bug', `a thread of a copy ended with ${code} and without a word`)))
  promise.catch(() => undefined)
  return {
    ended: promise,
    end: async () => {
      await Promise.race([gone, sleep(STOP_GRACE_MS, undefined, { ref: false })])
      await worker.terminate()
    },
  }
}

/** Errors cross between threads as plain data. */
function failureOf(message: ThreadMessage & { kind: 'failed' }): Error {
  const { code = '' } = message
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') return new InstarError('image.no-space', message.message)
  if (Object.hasOwn(ERRORS, code)) return new InstarError(code as ErrorCode, message.message, { details: message.details })
  return new InstarError('internal.bug', `a thread of a copy failed: ${message.message}`)
}

function noSpace(file: string, cause: InstarError): InstarError {
  return new InstarError('image.no-space', `no space left for ${file}`, {
    cause,
    hint: 'Free space there and execute again: the copy goes on where it was. Earlier generations are as they were.',
  })
}

async function aborted(signal: AbortSignal): Promise<never> {
  return await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }))
}

/** Tells the progress and syncs what is written, until the copy ends. Throws where syncing fails: data would be lost in silence. */
async function watchCopy(
  request: CopyRequest,
  watched: { files: OutputFiles | undefined; total: number; signal: AbortSignal },
): Promise<never> {
  const { counters } = request.state
  let [syncedBytes, toldAtMs] = [0, performance.now()]
  for (;;) {
    watched.signal.throwIfAborted()
    if (performance.now() - toldAtMs >= PROGRESS_EVERY_MS) {
      const doneBytes = Number(Atomics.load(counters, COUNTER.doneChunks)) * CHUNK_BYTES
      request.onProgress({ doneBytes, totalBytes: watched.total * CHUNK_BYTES })
      toldAtMs = performance.now()
    }
    const writtenBytes = Number(Atomics.load(counters, COUNTER.writtenBytes))
    if (watched.files !== undefined && writtenBytes - syncedBytes >= SYNC_EVERY_BYTES) {
      await syncGroup(watched.files)
      syncedBytes = writtenBytes
    } else await sleep(SYNC_POLL_MS, undefined, { signal: watched.signal })
  }
}

/** All that the journal tells at this moment has its data in the file already, so the sync takes that data along. */
async function syncGroup({ data, journal }: OutputFiles): Promise<void> {
  const { size } = await journal.stat()
  try {
    await data.datasync()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new InstarError(
      code === 'ENOSPC' || code === 'EDQUOT' ? 'image.no-space' : 'image.tool-failed',
      'the copy cannot be synced to disk',
      { cause },
    )
  }
  await journal.appendFile(encodeRecord({ kind: 'sync', length: size }))
  await journal.datasync()
}
