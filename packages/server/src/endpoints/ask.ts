import { InstarError } from '@instar/contract'
import {
  CAPABILITIES,
  PROVIDER_ANSWERS,
  type Capability,
  type ProviderAnswer,
  type ProviderQuestion,
  type ProviderQuestionKind,
} from '@instar/contract/api'
import type { ApiDeps } from '../api-deps.ts'
import { endpointRegions, openConnection, type EndpointRow } from './endpoint.ts'

interface EndpointQuestion<K extends ProviderQuestionKind> {
  readonly endpoint: EndpointRow
  readonly kind: K
  readonly capability: Capability
  readonly body: Omit<ProviderQuestion<K>, 'platform' | 'connection_info'>
  readonly signal: AbortSignal
}

/**
 * Asks the endpoint's platform through a worker that fits. Throws `engine.no-worker` when there is none, also when all regions of the endpoint
 * are disabled, `engine.no-answer`, and what the provider says.
 */
export async function ask<K extends ProviderQuestionKind>(
  { engine, store }: ApiDeps,
  question: EndpointQuestion<K>,
): Promise<ProviderAnswer<K>> {
  const { endpoint, kind, capability, signal } = question
  const regions = await endpointRegions(store.db, endpoint.id)
  if (regions === 'none-enabled') throw new InstarError('engine.no-worker', `all regions of endpoint ${endpoint.id} are disabled`)
  const answer = await engine.ask({
    projectId: endpoint.project_id,
    kind,
    requires: [{ platform: endpoint.type, capability: CAPABILITIES[capability], regions }],
    body: { platform: endpoint.type, connection_info: openConnection(store.vault, endpoint), ...question.body },
    signal,
  })
  return PROVIDER_ANSWERS[kind].parse(answer) as ProviderAnswer<K>
}
