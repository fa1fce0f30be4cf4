import * as z from 'zod/mini'

/** What forms show beside a setting. A setting that holds a secret has `password` in its name: clients hide what is typed there. */
export const settings = z.registry<{ title: string; description?: string }>()

type JsonSchema = Readonly<Record<string, unknown>>

/** JSON Schema (draft 4, as clients of the v1 API expect) of what a user writes: settings with a default are not required. */
export function settingsSchema(schema: z.ZodMiniType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    target: 'draft-04',
    io: 'input',
    metadata: settings,
    // A form would show the limits of JavaScript's numbers as if they were the setting's.
    override: ({ jsonSchema }) => {
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
    },
  })
  return rest
}

/** In place of the data: where a Barbican has it. */
const SECRET_REF: JsonSchema = {
  type: 'object',
  properties: { secret_ref: { type: 'string', title: 'Address of a secret that holds the connection data' } },
  required: ['secret_ref'],
}

/** The web UI builds its form of an endpoint from the first of `oneOf`, and fails without. */
export function connectionSchema(schema: z.ZodMiniType): JsonSchema {
  return { oneOf: [settingsSchema(schema), SECRET_REF] }
}
