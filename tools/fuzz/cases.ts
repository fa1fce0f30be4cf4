import { createRandom } from './random.ts'
import { mutate } from './mutate.ts'
import type { FuzzTarget } from './target.ts'

/** The longest that a parser may work on one case, in milliseconds of processor time: what takes longer is quadratic or worse. */
const CPU_LIMIT_MS = 3000
/** How much the process may grow by one case: half of it is what the largest legal image of a case takes. */
const GROWTH_LIMIT_BYTES = 768 * 1024 * 1024

/** A case that was not handled: what it was, and what came of it. */
export interface Failure {
  readonly index: number
  readonly target: string
  readonly problem: string
  /** The input, or undefined where the worker was lost with it (it can be made again of seed and index). */
  readonly input?: Uint8Array
}

export interface CaseInput {
  readonly target: FuzzTarget
  readonly sample: number
  readonly input: Buffer
}

/** The case of that number, the same for the same seed. */
export function makeCase(targets: readonly FuzzTarget[], seed: string, index: number): CaseInput {
  const random = createRandom(`${seed} ${index}`)
  const target = targets[index % targets.length]!
  const sample = random.below(target.samples.length)
  return { target, sample, input: mutate(target.samples[sample]!, target.samples, random) }
}

/** Runs one case; gives what is wrong, or undefined when a value or an error of ours came of it. */
export async function runCase(
  { target, sample, input }: CaseInput,
  at: { seed: string; index: number; folder: string; signal: AbortSignal },
): Promise<string | undefined> {
  const before = { cpu: process.threadCpuUsage(), bytes: process.memoryUsage.rss() }
  const random = createRandom(`${at.seed} ${at.index} run`)
  try {
    await target.run(Buffer.from(input), { sample, random, folder: at.folder, signal: at.signal })
  } catch (error) {
    const problem = problemOf(error, target)
    if (problem !== undefined) return problem
  }
  const { user, system } = process.threadCpuUsage(before.cpu)
  const cpuMs = (user + system) / 1000
  if (cpuMs > CPU_LIMIT_MS) return `took ${Math.round(cpuMs)} ms of processor time, the limit is ${CPU_LIMIT_MS}`
  const growth = process.memoryUsage.rss() - before.bytes
  if (growth > GROWTH_LIMIT_BYTES) return `took ${growth} bytes of memory, the limit is ${GROWTH_LIMIT_BYTES}`
  return undefined
}

function problemOf(error: unknown, target: FuzzTarget): string | undefined {
  if (!(error instanceof Error)) return `threw no error but ${String(error)}`
  const isOurs = 'code' in error && error.name === 'InstarError' && error.code !== 'internal.bug'
  if (isOurs || target.expects?.includes(error.constructor.name) === true) return undefined
  return error.stack ?? String(error)
}
