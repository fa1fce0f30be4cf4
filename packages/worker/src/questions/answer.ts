import { errorChain, InstarError, type Log } from '@instar/contract'
import { PROVIDER_QUESTIONS, type ProviderAnswer, type ProviderQuestion, type ProviderQuestionKind } from '@instar/contract/api'
import type { QuestionHandler } from '@instar/engine'
import type { DestinationHalf } from '../providers/destination-half.ts'
import type { PoolHalf } from '../providers/pool-half.ts'
import type { Call, Connected, Own, Provider } from '../providers/provider.ts'
import type { SourceHalf } from '../providers/source-half.ts'
import { parseSettings } from '../steps/side.ts'
import { toCsv } from './csv.ts'

interface Asked {
  readonly kind: ProviderQuestionKind
  readonly provider: Provider
  readonly signal: AbortSignal
  readonly log: Log
}
type Answers = { [K in ProviderQuestionKind]: (asked: Asked, question: ProviderQuestion<K>) => Promise<ProviderAnswer<K>> }

/** What the API asks providers (coriolis-api.md 2.3), kind by kind. */
const ANSWERS: Answers = {
  validate_connection: async (asked, { connection_info }) => {
    try {
      await asked.provider.validateConnection(connect(asked, connection_info))
      return { valid: true, message: null }
    } catch (error) {
      asked.signal.throwIfAborted()
      return { valid: false, message: sayWhy(error) }
    }
  },
  instances: async (asked, { marker, limit, name, refresh, ...given }) => {
    const source = sourceOf(asked)
    const query = {
      refresh,
      ...(marker !== undefined && { marker }),
      ...(limit !== undefined && { limit }),
      ...(name !== undefined && { name }),
    }
    return source.listInstances(settle(asked, given, source), query)
  },
  instance: async (asked, { name, ...given }) => {
    const source = sourceOf(asked)
    return source.getInstance(settle(asked, given, source), name)
  },
  networks: async (asked, given) => {
    const destination = destinationOf(asked)
    return (await destination.listNetworks?.(settle(asked, given, destination))) ?? missing(asked)
  },
  storage: async (asked, given) => {
    const destination = destinationOf(asked)
    const storage = (await destination.listStorage?.(settle(asked, given, destination))) ?? missing(asked)
    return { ...storage, storage_backends: storage.storage_backends.map(backend => ({ ...backend })) }
  },
  inventory: async (asked, given) => toCsv((await asked.provider.inventory?.(settle(asked, given, sourceOf(asked)))) ?? missing(asked)),
  options: async (asked, { side, names, ...given }) => {
    const half = halfOf(asked.provider, side)
    const options = (await half?.listOptions?.(settle(asked, given, half), names)) ?? missing(asked)
    return options.map(option => ({ ...option, values: [...option.values] }))
  },
  validate_environment: async (asked, { side, environment }) => {
    const half = halfOf(asked.provider, side) ?? missing(asked)
    try {
      parseSettings(half.environment, environment, `${side} environment`)
      return { valid: true, message: null }
    } catch (error) {
      return { valid: false, message: sayWhy(error) }
    }
  },
}

/** Handlers for the engine's worker loop. */
export function createQuestions(providers: ReadonlyMap<string, Provider>): Record<ProviderQuestionKind, QuestionHandler> {
  const kinds = Object.keys(ANSWERS) as ProviderQuestionKind[]
  const entries = kinds.map(kind => [kind, createHandler(kind, providers)] as const)
  return Object.fromEntries(entries) as Record<ProviderQuestionKind, QuestionHandler>
}

function createHandler(kind: ProviderQuestionKind, providers: ReadonlyMap<string, Provider>): QuestionHandler {
  const answer = ANSWERS[kind] as (asked: Asked, question: unknown) => Promise<unknown>
  return (body, { signal, log }) => {
    const question = PROVIDER_QUESTIONS[kind].parse(body)
    const provider = providers.get(question.platform)
    if (!provider) throw new InstarError('provider.unsupported', `this worker has no provider for ${question.platform}`)
    return answer({ kind, provider, signal, log }, question)
  }
}

function connect(asked: Asked, connectionInfo: Own): Connected<unknown> {
  const connection = parseSettings(asked.provider.connection, connectionInfo, `connection data of ${asked.provider.platform}`)
  return { purpose: asked.kind, connection, signal: asked.signal, log: asked.log }
}

function settle(
  asked: Asked,
  given: { readonly connection_info: Own; readonly environment: Own },
  half: Half | undefined,
): Call<unknown, unknown> {
  const { network_map: _, storage_mappings: __, ...settings } = given.environment
  const environment = parseSettings((half ?? missing(asked)).environment, settings, 'environment')
  return { ...connect(asked, given.connection_info), environment }
}

type Half = SourceHalf<unknown, unknown> | DestinationHalf<unknown, unknown> | PoolHalf<unknown, unknown>

function halfOf(provider: Provider, side: ProviderQuestion<'options'>['side']): Half | undefined {
  const halves = {
    source: provider.source,
    destination: provider.destination,
    source_pool: provider.sourcePool,
    destination_pool: provider.destinationPool,
  }
  return halves[side]
}

function sourceOf(asked: Asked): SourceHalf<unknown, unknown> {
  return asked.provider.source ?? missing(asked)
}

function destinationOf(asked: Asked): DestinationHalf<unknown, unknown> {
  return asked.provider.destination ?? missing(asked)
}

function missing({ provider, kind }: Asked): never {
  throw new InstarError('provider.unsupported', `${provider.platform} cannot answer ${kind}`)
}

/** For the user who typed the connection data: what is wrong, and what he can do. */
function sayWhy(error: unknown): string {
  const chain = errorChain(error).join(': ')
  return error instanceof InstarError ? `${chain}. ${error.hint}` : `an unexpected error occurred: ${chain}`
}
