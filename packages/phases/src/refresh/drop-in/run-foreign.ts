import { spawn } from 'node:child_process'
import { parentPort, Worker } from 'node:worker_threads'
import { readProcess } from '../containment/processes.ts'

const STEP_MS = 1
const LONGEST_STEP_MS = 20
const SIGNAL_BITS = 0x7f

export interface ForeignRun {
  readonly program: string
  readonly directory: string
  readonly environment: NodeJS.ProcessEnv
}

export type ForeignEnd =
  /** `signal`: the number of the one that it died of. */
  | { readonly kind: 'ended'; readonly exitCode: number; readonly signal: number | null }
  | { readonly kind: 'not-started'; readonly reason: string }

type News = ForeignEnd | { readonly kind: 'started'; readonly pid: number }

/**
 * Runs a foreign runner on a directory, with our streams, and waits for it alone. Node takes a death by a real-time signal for success; so the
 * runner is started by a thread (this program once more, see `serveForeignRun`) that leaves it a zombie until it has read in /proc how it ended.
 */
export function runForeign(run: ForeignRun, onStart: (pid: number) => void): Promise<ForeignEnd> {
  return new Promise(resolve => {
    const thread = new Worker(process.argv[1]!, { workerData: run })
    thread.on('message', (news: News) => (news.kind === 'started' ? onStart(news.pid) : resolve(news)))
    thread.once('error', error => resolve({ kind: 'not-started', reason: error instanceof Error ? error.message : String(error) }))
  })
}

/** What the thread does. */
export function serveForeignRun({ program, directory, environment }: ForeignRun): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window.
  const tell = (news: News) => parentPort!.postMessage(news)
  const { pid } = spawn(program, [directory], { stdio: 'inherit', env: environment, argv0: 'dib-run-parts' }).once('error', error =>
    tell({ kind: 'not-started', reason: error.message }),
  )
  if (pid === undefined) return
  tell({ kind: 'started', pid })
  const status = waitForZombie(pid)
  const signal = status & SIGNAL_BITS
  tell({ kind: 'ended', exitCode: status >> 8, signal: signal === 0 ? null : signal })
}

/** Keeps this thread from its events, of which the child's end is one, until the child has ended. Returns its status as wait(2) tells it. */
function waitForZombie(pid: number): number {
  const nobody = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  for (let stepMs = STEP_MS; ; stepMs = Math.min(stepMs * 2, LONGEST_STEP_MS)) {
    const child = readProcess(pid)
    if (child === undefined) throw new Error(`process ${pid} is gone before it was waited for`)
    if (child.isZombie) return child.waitStatus
    Atomics.wait(nobody, 0, 0, stepMs)
  }
}
