import type { PlannedStep, PlanSide, StepRequirement, StepRule } from './planned-step.ts'
import { TASK_TYPES, type TaskPlatforms, type TaskType } from './task-types.ts'

/** The ends that a plan touches. A deployment has no source, a pool has one of the two. */
export interface PlanSides {
  readonly source?: PlanSide
  readonly destination?: PlanSide
}

/** Adds a step for the instance at hand and gives its place in the plan; a need that is not there (`undefined`) is left out. */
export type AddStep = (type: TaskType, needs?: readonly (number | undefined)[], rule?: StepRule) => number

/**
 * These wait for all instances of a clustered transfer: before any disk is copied it is known who owns a shared disk, and no machine is
 * copied after its shutdown while another still writes to the disk that they share.
 */
const BARRIERS: readonly TaskType[] = ['GET_INSTANCE_INFO', 'SHUTDOWN_INSTANCE']

/** A plan under construction; the steps of the types in `barriers` wait for each other. */
export function createPlan(
  sides: PlanSides,
  barriers: readonly TaskType[] = [],
): { steps: PlannedStep[]; forInstance: (instance: string) => AddStep } {
  const steps: PlannedStep[] = []
  const forInstance =
    (instance: string): AddStep =>
    (type, needs = [], rule = 'success') => {
      const step = { type, instance, needs: needs.filter(place => place !== undefined), rule, requires: requirementsOf(type, sides) }
      return steps.push(barriers.includes(type) ? { ...step, barrier: true } : step) - 1
    }
  return { steps, forInstance }
}

/** The steps of all instances, one instance after the other, in the order in which `planInstance` adds them. */
export function planInstances(
  { instances, barriers = BARRIERS }: { readonly instances: readonly string[]; readonly barriers?: readonly TaskType[] },
  sides: PlanSides,
  planInstance: (add: AddStep, instance: string) => void,
): PlannedStep[] {
  const plan = createPlan(sides, instances.length > 1 ? barriers : [])
  for (const instance of instances) planInstance(plan.forInstance(instance), instance)
  return plan.steps
}

/** What the worker of a task of this type must offer, given the platforms of the plan. */
function requirementsOf(type: TaskType, sides: PlanSides): StepRequirement[] {
  const platforms: TaskPlatforms = TASK_TYPES[type]
  return (['source', 'destination'] as const).flatMap(side => {
    const capability = platforms[side]
    if (capability === undefined) return []
    const end = sides[side]
    if (!end) throw new TypeError(`a plan without a ${side} cannot hold ${type}`)
    return [{ side, platform: end.platform, capability, regions: end.regions }]
  })
}
