import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { makeCase, runCase, type Failure } from './cases.ts'
import { chooseTargets } from './targets/index.ts'

/** Which cases: the same range of the same seed and target gives the same. */
export interface CaseRange {
  readonly seed: string
  readonly from: number
  readonly to: number
  /** Only this one. */
  readonly target?: string
}

/** What a worker is started with. */
export interface WorkerTask extends CaseRange {
  /** Number of the case under way, for the one who watches the time: two numbers of 32 bits, the second counts heartbeats. */
  readonly progress: Int32Array
}

const { seed, from, to, target, progress } = workerData as WorkerTask
const targets = chooseTargets(target)
const folder = mkdtempSync(join(tmpdir(), 'instar-fuzz-'))
try {
  for (let index = from; index < to; index += 1) {
    Atomics.store(progress, 0, index)
    const made = makeCase(targets, seed, index)
    const problem = await runCase(made, { seed, index, folder, signal: new AbortController().signal })
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port of worker_threads has no origin
    if (problem !== undefined) parentPort?.postMessage({ index, target: made.target.name, problem, input: made.input } satisfies Failure)
  }
  Atomics.store(progress, 0, to)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
