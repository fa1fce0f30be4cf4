export { CAPABILITIES, SCHEMA_KEYS } from './capabilities.ts'
export type { Capability, PlatformOffer } from './capabilities.ts'
export { ApiError, createClient } from './client.ts'
export type { Client, ClientOptions, Fetch } from './client.ts'
export { Deployment, type DeploymentCreate } from './deployment.ts'
export type { Endpoint, EndpointCreate, EndpointUpdate } from './endpoint.ts'
export { ErrorBody, errorBody } from './error-body.ts'
export type { Execution, ExecutionCreate } from './execution.ts'
export type { Project, RoleAssignment, RoleObject, User, UserCreate, UserUpdate } from './identity/people.ts'
export type { CatalogEntry, TokenAnswer, TokenRequest } from './identity/token.ts'
export { givenScripts } from './given-scripts.ts'
export { issueText } from './issue-text.ts'
export { INSTANCE_OS_TYPES, Instance, InstanceList, InstanceSummary } from './instance.ts'
export type { MinionPool, MinionPoolCreate, MinionPoolUpdate } from './minion-pool.ts'
export { openApiDocument } from './openapi.ts'
export { PROVIDER_ANSWERS, PROVIDER_QUESTIONS } from './provider-questions.ts'
export type { ProviderAnswer, ProviderQuestion, ProviderQuestionKind } from './provider-questions.ts'
export type { ListQuery } from './query.ts'
export type { Diagnostics, Region, RegionCreate, RegionUpdate, Service, ServiceCreate, ServiceUpdate } from './region.ts'
export { mayAct, ROLES } from './roles.ts'
export type { Role } from './roles.ts'
export { fullPath, SURFACES } from './route.ts'
export type { Method, Route, Surface } from './route.ts'
export { ROUTES } from './route-table.ts'
export type { RouteAnswer, RouteBody, RouteBodyInput, RouteName, RouteParams, RouteQuery, RouteQueryInput } from './route-table.ts'
export type { Schedule, ScheduleCreate, ScheduleUpdate, Timetable } from './schedule.ts'
export type { ExecutionScriptRun, ScriptPlan } from './script-report.ts'
export { secretRefOf, shownConnection, usableConnection, withSecret } from './secret-ref.ts'
export { maskScriptSecrets, restoreScriptSecrets } from './script-secrets.ts'
export {
  EVENT_LEVELS,
  EXECUTION_STATUSES,
  EXECUTION_TYPES,
  MINION_ALLOCATION_STATUSES,
  MINION_POWER_STATUSES,
  POOL_STATUSES,
  SCENARIOS,
  SERVICE_STATUSES,
  TASK_STATUSES,
} from './statuses.ts'
export type {
  ExecutionStatus,
  ExecutionType,
  MinionAllocationStatus,
  MinionPowerStatus,
  PoolStatus,
  Scenario,
  TaskStatus,
} from './statuses.ts'
export { mergeStorageMappings, StorageMappings } from './storage-mappings.ts'
export type { Task } from './task.ts'
export { decodeBase64Text, decodeEnvironment, decodeOptionNames, encodeBase64Text } from './text-encoding.ts'
export { Transfer } from './transfer.ts'
export type { TransferCreate, TransferUpdate } from './transfer.ts'
export { hasScripts, keepInstances, mergeUserScripts, normaliseUserScripts } from './user-scripts.ts'
export type { UserScript, UserScripts } from './user-scripts.ts'
export { LIMITS, wireTime, wireTimeOrNull } from './wire.ts'
