import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { makeCase, type Failure } from './cases.ts'
import { chooseTargets } from './targets/index.ts'
import type { CaseRange, WorkerTask } from './worker.ts'

/** A case that has not come back after this is a hang: programs of the host included, on a loaded machine. */
const HANG_MS = 20_000
const LOOK_MS = 500
const HEAP_LIMIT_MIB = 512

export interface CasesReport {
  readonly cases: number
  readonly failures: readonly Failure[]
}

/** Runs the cases [from, to) in a worker; one that hangs, or takes all memory, ends only its worker, and the next goes on behind it. */
export async function runCases(range: CaseRange): Promise<CasesReport> {
  const failures: Failure[] = []
  const { seed, from, to } = range
  const targets = chooseTargets(range.target)
  let next = from
  while (next < to) {
    const lost = await runWorker({ ...range, from: next }, failure => failures.push(failure))
    if (lost === undefined) break
    const { target, input } = makeCase(targets, seed, lost.index)
    failures.push({ index: lost.index, target: target.name, problem: lost.problem, input })
    next = lost.index + 1
  }
  return { cases: to - from, failures }
}

/** Gives the case at which the worker was lost, or undefined when it came to its end. */
async function runWorker(range: CaseRange, onFailure: (failure: Failure) => void): Promise<{ index: number; problem: string } | undefined> {
  const progress = new Int32Array(new SharedArrayBuffer(4)).fill(range.from)
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: { ...range, progress } satisfies WorkerTask,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MIB },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  worker.on('message', onFailure)
  let problem: string | undefined
  worker.on('error', error => (problem ??= error instanceof Error ? (error.stack ?? String(error)) : String(error)))
  const ended = once(worker, 'exit')
  const watch = watchForHang(progress, () => {
    problem ??= `did not end within ${HANG_MS} ms`
    void worker.terminate()
  })
  await ended
  clearInterval(watch)
  const index = Atomics.load(progress, 0)
  if (index >= range.to) return undefined
  return { index, problem: problem ?? 'ended its worker' }
}

function watchForHang(progress: Int32Array, onHang: () => void): NodeJS.Timeout {
  let seen = { index: -1, at: performance.now() }
  return setInterval(() => {
    const index = Atomics.load(progress, 0)
    if (index !== seen.index) seen = { index, at: performance.now() }
    else if (performance.now() - seen.at > HANG_MS) onHang()
  }, LOOK_MS)
}
