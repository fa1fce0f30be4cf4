import * as z from 'zod/mini'
import { documented, Name, OpenObject, Regions, rowTimes, Text } from './wire.ts'

/** A stored connection to a platform. `connection_info` is masked for a reader. */
export const Endpoint = z
  .object({
    id: z.string(),
    user_id: z.string(),
    project_id: z.string(),
    type: z.string(),
    name: z.string(),
    description: z.nullable(z.string()),
    connection_info: OpenObject,
    mapped_regions: z.array(z.string()),
    ...rowTimes,
  })
  .register(documented, { id: 'Endpoint' })
export type Endpoint = z.infer<typeof Endpoint>

export const EndpointCreate = z.object({
  name: Name,
  type: Name,
  connection_info: OpenObject,
  description: z.nullish(Text),
  mapped_regions: z.nullish(Regions),
})
export type EndpointCreate = z.infer<typeof EndpointCreate>

/** What is named is replaced as a whole; null and absent change nothing, but a description of null clears it. */
export const EndpointUpdate = z.object({
  name: z.nullish(Name),
  connection_info: z.nullish(OpenObject),
  description: z.nullish(Text),
  mapped_regions: z.nullish(Regions),
})
export type EndpointUpdate = z.infer<typeof EndpointUpdate>

/** The answer of `validate-connection`. */
export const ConnectionVerdict = z.object({ valid: z.boolean(), message: z.nullable(z.string()) })

export const Network = z.looseObject({ id: z.string(), name: z.string() }).register(documented, { id: 'Network' })

export const Storage = z
  .object({
    storage_backends: z.array(z.object({ id: z.string(), name: z.string(), additional_provider_properties: z.optional(OpenObject) })),
    config_default: z.optional(z.string()),
  })
  .register(documented, { id: 'Storage' })

/** A setting of an environment with the values that the platform offers for it. */
export const EnvironmentOption = z
  .object({ name: z.string(), values: z.array(z.unknown()), config_default: z.optional(z.unknown()) })
  .register(documented, { id: 'EnvironmentOption' })
