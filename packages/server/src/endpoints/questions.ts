import { decodeBase64Text, decodeEnvironment, decodeOptionNames, type Capability, type RouteName } from '@instar/contract/api'
import type { Handlers } from '../http/call.ts'
import { ask } from './ask.ts'
import { requireEndpoint } from './endpoint.ts'
import type { EndpointDeps, SecretCaller } from './read-secret.ts'

interface EndpointCall extends SecretCaller {
  readonly params: { readonly endpoint_id: string }
  readonly query: { readonly env?: string | undefined; readonly options?: string | undefined }
  readonly projectId: string
}

type Side = 'source' | 'destination' | 'source_pool' | 'destination_pool'

/** What platforms answer about themselves. */
export function questionRoutes(deps: EndpointDeps) {
  const of = async (by: EndpointCall) => ({
    endpoint: await requireEndpoint(deps.store.db, by.projectId, by.params.endpoint_id),
    environment: decodeEnvironment(by.query.env),
    by,
  })
  const options = async (call: EndpointCall, side: Side, capability: Capability) => {
    const { endpoint, environment, by } = await of(call)
    const names = decodeOptionNames(call.query.options)
    const body = { environment, side, ...(names === undefined ? {} : { names }) }
    return ask(deps, { endpoint, kind: 'options', capability, body, by })
  }
  return {
    'endpoints.instances': async call => {
      const { endpoint, environment, by } = await of(call)
      const { marker, limit, name, refresh } = call.query
      const body = {
        environment,
        refresh: refresh ?? false,
        ...(marker === undefined ? {} : { marker }),
        ...(limit === undefined ? {} : { limit }),
        // The web UI sends the text "null" for no name.
        ...(name === undefined || name === '' || name === 'null' ? {} : { name }),
      }
      return ask(deps, { endpoint, kind: 'instances', capability: 'endpointInstances', body, by })
    },
    'endpoints.instance': async call => {
      const { endpoint, environment, by } = await of(call)
      const body = { environment, name: decodeBase64Text(call.params.instance, 'the id of the instance') }
      return { instance: await ask(deps, { endpoint, kind: 'instance', capability: 'endpointInstances', body, by }) }
    },
    'endpoints.networks': async call => {
      const { endpoint, environment, by } = await of(call)
      return { networks: await ask(deps, { endpoint, kind: 'networks', capability: 'endpointNetworks', body: { environment }, by }) }
    },
    'endpoints.storage': async call => {
      const { endpoint, environment, by } = await of(call)
      return { storage: await ask(deps, { endpoint, kind: 'storage', capability: 'endpointStorage', body: { environment }, by }) }
    },
    'endpoints.inventory': async call => {
      const { endpoint, environment, by } = await of(call)
      return ask(deps, { endpoint, kind: 'inventory', capability: 'endpointInventory', body: { environment }, by })
    },
    'endpoints.destinationOptions': async call => ({ destination_options: await options(call, 'destination', 'destinationOptions') }),
    'endpoints.sourceOptions': async call => ({ source_options: await options(call, 'source', 'sourceOptions') }),
    'endpoints.destinationPoolOptions': async call => ({
      destination_minion_pool_options: await options(call, 'destination_pool', 'destinationMinionPool'),
    }),
    'endpoints.sourcePoolOptions': async call => ({ source_minion_pool_options: await options(call, 'source_pool', 'sourceMinionPool') }),
  } satisfies Partial<Handlers<RouteName>>
}
