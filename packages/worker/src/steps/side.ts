import { createHash } from 'node:crypto'
import type { Info, Pools, StepContext, StepDefinition } from '@instar/engine'
import { InstarError } from '@instar/contract'
import { issueText } from '@instar/contract/api'
import type { ZodMiniType } from 'zod/mini'
import type { DestinationCall, DestinationHalf } from '../providers/destination-half.ts'
import type { Provider, TaskCall } from '../providers/provider.ts'
import type { SourceHalf } from '../providers/source-half.ts'
import type { SharedDiskOwners } from './shared-disks.ts'
import { loadEnd, type Party } from './parties.ts'
import { readMappings, readSettings } from './step-info.ts'

/** What steps need besides their context: our providers, what is known of other machines, and minion pools. */
export interface StepWorld {
  readonly providers: ReadonlyMap<string, Provider>
  readonly owners: SharedDiskOwners
  readonly pools: Pick<Pools, 'records'>
  /** How the services list names this worker. */
  readonly host: string
}
export type MakeStep = (world: StepWorld) => StepDefinition

/** The source as a step sees it. */
export interface SourceSide {
  readonly half: SourceHalf<unknown, unknown>
  readonly call: TaskCall<unknown, unknown>
  readonly context: StepContext
  readonly world: StepWorld
}
export interface DestinationSide {
  readonly half: DestinationHalf<unknown, unknown>
  readonly call: DestinationCall<unknown, unknown>
  readonly context: StepContext
  readonly world: StepWorld
}

type Work<Side> = (side: Side) => Promise<Info | void>

/** A step at the source; `undo` clears what a half-done `run` left. */
export function sourceStep(run: Work<SourceSide>, undo?: (side: SourceSide) => Promise<unknown>): MakeStep {
  return world => step(run, undo, (context, purpose) => openSource(world, context, purpose))
}

export function destinationStep(run: Work<DestinationSide>, undo?: (side: DestinationSide) => Promise<unknown>): MakeStep {
  return world => step(run, undo, (context, purpose) => openDestination(world, context, purpose))
}

function step<Side>(
  run: Work<Side>,
  undo: ((side: Side) => Promise<unknown>) | undefined,
  open: (context: StepContext, purpose: string) => Promise<Side>,
): StepDefinition {
  return {
    run: async context => run(await open(context, context.task.type)),
    ...(undo && { undo: async (context: StepContext) => void (await undo(await open(context, `undo ${context.task.type}`))) }),
  }
}

export async function openSource(world: StepWorld, context: StepContext, purpose: string): Promise<SourceSide> {
  const { provider, connection } = partyOf(world, await loadEnd(context, 'origin'))
  if (!provider.source) throw new InstarError('provider.unsupported', `${provider.platform} cannot be the source of a transfer`)
  const environment = parseSettings(provider.source.environment, readSettings(context.info, 'source_environment'), 'source environment')
  return { half: provider.source, call: taskCall(context, { purpose, connection, environment }), context, world }
}

export async function openDestination(world: StepWorld, context: StepContext, purpose: string): Promise<DestinationSide> {
  const { provider, connection } = partyOf(world, await loadEnd(context, 'destination'))
  if (!provider.destination) throw new InstarError('provider.unsupported', `${provider.platform} cannot be the destination of a transfer`)
  const { settings, networkMap, storageMappings } = readMappings(readSettings(context.info, 'target_environment'))
  const environment = parseSettings(provider.destination.environment, settings, 'destination environment')
  return {
    half: provider.destination,
    call: { ...taskCall(context, { purpose, connection, environment }), networkMap, storageMappings },
    context,
    world,
  }
}

/** The provider of an end of the execution, and its checked connection data. */
export function partyOf(world: StepWorld, party: Party): { provider: Provider; connection: unknown } {
  const provider = world.providers.get(party.platform)
  if (!provider) throw new InstarError('provider.unsupported', `this worker has no provider for ${party.platform}`)
  return { provider, connection: parseSettings(provider.connection, party.connectionInfo, `connection data of endpoint ${party.name}`) }
}

/** Settings that the schema has checked. Throws `provider.refused` naming the setting, and never its value, which may be a secret. */
export function parseSettings<T>(schema: ZodMiniType<T>, settings: unknown, what: string): T {
  const parsed = schema.safeParse(settings)
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.map(issue => issueText(issue, settings, { whole: 'it', hidesValues: true }))
  throw new InstarError('provider.refused', `the ${what} does not fit: ${issues.join('; ')}`)
}

/** A call under the key of this machine in this execution, or under another. */
export function taskCall<C, E>(context: StepContext, of: { purpose: string; connection: C; environment: E; key?: string }): TaskCall<C, E> {
  const { execution, task } = context
  return {
    purpose: of.purpose,
    connection: of.connection,
    environment: of.environment,
    key: of.key ?? `${execution.id}-${createHash('sha256').update(task.instance).digest('hex').slice(0, 8)}`,
    instance: task.instance,
    signal: context.signal,
    log: context.log,
    progress: (message, current, total) => context.progress(message, current, total),
    event: (level, message) => context.event(level, message),
  }
}
