import { InstarError } from '@instar/contract'
import { SCHEMA_KEYS, type RouteName } from '@instar/contract/api'
import type { ApiDeps } from '../api-deps.ts'
import type { Handlers } from '../http/call.ts'
import { loadPlatforms } from './workers.ts'

export function providerRoutes({ store: { db }, now }: ApiDeps) {
  return {
    'providers.list': async () => {
      const platforms = await loadPlatforms(db, now())
      return { providers: Object.fromEntries([...platforms].map(([name, { types }]) => [name, { types: [...types] }])) }
    },
    'providers.schemas': async ({ params }) => {
      const type = /^\d{1,9}$/.test(params.type) ? Number(params.type) : Number.NaN
      const platform = (await loadPlatforms(db, now())).get(params.platform)
      if (platform === undefined || !platform.types.includes(type)) {
        throw new InstarError('api.not-found', `no provider for platform ${params.platform} and type ${params.type} was found`)
      }
      const key = Object.entries(SCHEMA_KEYS).find(([number]) => Number(number) === type)?.[1]
      const schema = key === undefined ? undefined : platform.schemas[key]
      return { schemas: key === undefined || schema === undefined ? {} : { [key]: schema as Record<string, unknown> } }
    },
  } satisfies Partial<Handlers<RouteName>>
}
