export { createEngine } from './create-engine.ts'
export type {
  Assignment,
  Engine,
  EngineHooks,
  EngineLimits,
  ExecutionChange,
  FollowEvents,
  Info,
  InfoStore,
  OutputExtent,
  OutputStream,
  Question,
  ReadOutput,
  Remark,
  ScriptReader,
  StartRequest,
  StoredEvent,
  StoredScriptRun,
} from './engine.ts'
export { executionStates, executionStatus, taskStatus } from './wire.ts'
export type {
  ProcessGroup,
  StepContext,
  StepDefinition,
  StepExecution,
  StepScriptLog,
  StepScriptRecorder,
  StepTask,
} from './worker/step.ts'
export type { QuestionHandler, WorkerOptions } from './worker/worker.ts'
export { WORKERS_CHANNEL, PRESENCE_MS } from './worker/registration.ts'
export { createMoveHooks, ENDED_CHANNEL } from './moves/move-hooks.ts'
export type { MoveHooksDeps } from './moves/move-hooks.ts'
export { openSettings, sealChanges, sealSettings } from './moves/move-settings.ts'
export type { MoveSettings, TransferChanges } from './moves/move-settings.ts'
export { planDeployment } from './plans/deployment.ts'
export type { DeploymentPlan } from './plans/deployment.ts'
export type { MachineOperation, PoolPlan } from './plans/minion-pool.ts'
export type { PlannedStep, PlanSide, StepRequirement, StepRule } from './plans/planned-step.ts'
export type { TaskType } from './plans/task-types.ts'
export { planTransferExecution } from './plans/transfer-execution.ts'
export type { TransferExecutionPlan } from './plans/transfer-execution.ts'
export { planDisksDelete, planSourceRelease, planTransferUpdate } from './plans/transfer-upkeep.ts'
export { createPools } from './pools/pools.ts'
export type { Pools } from './pools/pools.ts'
export type { MinionRole } from './pools/pool-deps.ts'
export { readPlanSide } from './pools/plan-side.ts'
export type { MinionDetails } from './pools/release.ts'
export { minionInfo } from './pools/release.ts'
export type { SavingAttempt } from './pools/held-machines.ts'
export type { ReservationRequest, WantedMinion } from './pools/reservation.ts'
export { applyRetention, hideExecutions, purgeDeleted } from './retention/retain.ts'
export type { DeletedExecutions, RetentionPolicy } from './retention/retain.ts'
export { startTimetable } from './schedule/timetable.ts'
export type { TimetableEntry, TimetableOptions } from './schedule/timetable.ts'
