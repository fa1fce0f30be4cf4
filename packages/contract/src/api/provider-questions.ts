import * as z from 'zod/mini'
import { Instance, InstanceList } from './instance.ts'
import { OpenObject } from './wire.ts'

const connected = { platform: z.string(), connection_info: OpenObject }
const settled = { ...connected, environment: OpenObject }
const side = z.enum(['source', 'destination', 'source_pool', 'destination_pool'])

/** What the API asks providers on a worker, kind by kind: the body of the question. Answers are in PROVIDER_ANSWERS. */
export const PROVIDER_QUESTIONS = {
  validate_connection: z.strictObject(connected),
  instances: z.strictObject({
    ...settled,
    marker: z.optional(z.string()),
    limit: z.optional(z.int()),
    name: z.optional(z.string()),
    refresh: z.boolean(),
  }),
  instance: z.strictObject({ ...settled, name: z.string() }),
  networks: z.strictObject(settled),
  storage: z.strictObject(settled),
  inventory: z.strictObject(settled),
  options: z.strictObject({ ...settled, side, names: z.optional(z.array(z.string())) }),
  validate_environment: z.strictObject({ platform: z.string(), side, environment: OpenObject }),
} as const
export type ProviderQuestionKind = keyof typeof PROVIDER_QUESTIONS
export type ProviderQuestion<K extends ProviderQuestionKind> = z.infer<(typeof PROVIDER_QUESTIONS)[K]>

const verdict = z.strictObject({ valid: z.boolean(), message: z.nullable(z.string()) })

/** The answers, as they go out on the wire: below the key that the route names, `instances` as they are. `inventory` is CSV text. */
export const PROVIDER_ANSWERS = {
  validate_connection: verdict,
  instances: InstanceList,
  instance: Instance,
  networks: z.array(z.looseObject({ id: z.string(), name: z.string() })),
  storage: z.strictObject({
    storage_backends: z.array(z.strictObject({ id: z.string(), name: z.string(), additional_provider_properties: z.optional(OpenObject) })),
    config_default: z.optional(z.string()),
  }),
  inventory: z.string(),
  options: z.array(z.strictObject({ name: z.string(), values: z.array(z.unknown()), config_default: z.optional(z.unknown()) })),
  validate_environment: verdict,
} as const
export type ProviderAnswer<K extends ProviderQuestionKind> = z.infer<(typeof PROVIDER_ANSWERS)[K]>
