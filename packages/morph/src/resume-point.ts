import type { Run, ScriptRun } from '@instar/contract'
import { MACHINE_PHASES } from '@instar/contract/phases'

type ResumePoint = NonNullable<Run['resume_at']>

/**
 * Where `--resume` begins: the script that failed or was cut off, else the one after the last that was done. Never before the point at which
 * the run itself began: what was done on its layer earlier stays done, also when pre-mount scripts, which always run again, fail.
 */
export function resumePoint(ended: {
  readonly details: Readonly<Record<string, unknown>>
  /** All attempts of the run, by time. */
  readonly scripts: readonly ScriptRun[]
  readonly begunAt: ResumePoint | undefined
}): ResumePoint | undefined {
  const { phase, order } = ended.details
  const reached = typeof phase === 'string' && typeof order === 'number' ? { phase, order } : afterLast(ended.scripts)
  const points = [ended.begunAt, reached].filter(point => point !== undefined)
  return points.toSorted((a, b) => placeOf(a) - placeOf(b) || a.order - b.order).at(-1)
}

function afterLast(scripts: readonly ScriptRun[]): ResumePoint | undefined {
  const last = scripts.findLast(({ phase }) => phase !== 'osmorphing_on_error')
  if (last === undefined) return undefined
  const isDone = last.ended_at !== null && !last.interrupted
  return { phase: last.phase, order: isDone ? last.order + 1 : last.order }
}

function placeOf({ phase }: ResumePoint): number {
  return MACHINE_PHASES.findIndex(known => known === phase)
}
