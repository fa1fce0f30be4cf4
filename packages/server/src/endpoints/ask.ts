import { InstarError } from '@instar/contract'
import {
  CAPABILITIES,
  PROVIDER_ANSWERS,
  type Capability,
  type ProviderAnswer,
  type ProviderQuestion,
  type ProviderQuestionKind,
} from '@instar/contract/api'
import { endpointRegions, type EndpointRow } from './endpoint.ts'
import { readConnection, type EndpointDeps, type SecretCaller } from './read-secret.ts'

interface EndpointQuestion<K extends ProviderQuestionKind> {
  readonly endpoint: EndpointRow
  readonly kind: K
  readonly capability: Capability
  readonly body: Omit<ProviderQuestion<K>, 'platform' | 'connection_info'>
  readonly by: SecretCaller
}

/**
 * Asks the endpoint's platform through a worker that fits. Throws `engine.no-worker` when there is none, also when all regions of the endpoint
 * are disabled, `provider.unsupported` when the platform cannot do it at all, `engine.no-answer`, and what the provider and the key manager say.
 */
export async function ask<K extends ProviderQuestionKind>(deps: EndpointDeps, question: EndpointQuestion<K>): Promise<ProviderAnswer<K>> {
  const { engine, store } = deps
  const { endpoint, kind, capability, by } = question
  const regions = await endpointRegions(store.db, endpoint.id)
  if (regions === 'none-enabled') throw new InstarError('engine.no-worker', `all regions of endpoint ${endpoint.id} are disabled`)
  const answer = await engine.ask({
    projectId: endpoint.project_id,
    kind,
    requires: [{ platform: endpoint.type, capability: CAPABILITIES[capability], regions }],
    body: { platform: endpoint.type, connection_info: await readConnection(deps, endpoint, by), ...question.body },
    signal: by.signal,
  })
  return PROVIDER_ANSWERS[kind].parse(answer) as ProviderAnswer<K>
}
