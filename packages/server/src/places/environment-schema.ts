import { Ajv, type ValidateFunction } from 'ajv'
import { InstarError } from '@instar/contract'
import { SCHEMA_KEYS } from '@instar/contract/api'
import type { WorkerProvider } from '@instar/store'

const MAX_COMPILED = 200
const compiled = new Map<string, ValidateFunction>()

/**
 * Checks settings against the schema that the platform's workers sent for a capability number. Throws `api.bad-request` naming the setting, and
 * never its value; also when the platform has no such capability.
 */
export function checkEnvironment(
  environment: Readonly<Record<string, unknown>>,
  of: {
    readonly what: string
    readonly platform: string
    readonly type: keyof typeof SCHEMA_KEYS
    readonly platforms: ReadonlyMap<string, WorkerProvider>
  },
): void {
  const provider = of.platforms.get(of.platform)
  if (provider === undefined || !provider.types.includes(of.type)) {
    throw new InstarError(
      'api.bad-request',
      `invalid input received: no provider for platform ${of.platform} and type ${of.type} was found`,
    )
  }
  const schema = provider.schemas[SCHEMA_KEYS[of.type]]
  if (schema === undefined) return
  const validate = compile(schema as Record<string, unknown>)
  if (validate(environment)) return
  const problems = (validate.errors ?? []).slice(0, 5).map(({ instancePath, message, params }) => {
    const unknown = typeof params['additionalProperty'] === 'string' ? ` ("${params['additionalProperty']}")` : ''
    return `${instancePath || 'it'} ${message}${unknown}`
  })
  throw new InstarError('api.bad-request', `invalid ${of.what}: ${problems.join('; ')}`)
}

function compile(schema: Record<string, unknown>): ValidateFunction {
  const text = JSON.stringify(schema)
  const known = compiled.get(text)
  if (known !== undefined) return known
  if (compiled.size >= MAX_COMPILED) compiled.clear()
  const { $schema: _, ...rest } = schema
  // Not strict: schemas are draft 4, in which some key words of later drafts have another form.
  const validate = new Ajv({ strict: false, validateFormats: false, logger: false }).compile(fromDraft4(rest) as object)
  compiled.set(text, validate)
  return validate
}

/** `exclusiveMinimum: true` beside `minimum` became a number of its own in later drafts. */
function fromDraft4(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromDraft4)
  if (typeof value !== 'object' || value === null) return value
  const { exclusiveMinimum, exclusiveMaximum, minimum, maximum, ...rest } = value as Record<string, unknown>
  return {
    ...Object.fromEntries(Object.entries(rest).map(([key, inner]) => [key, fromDraft4(inner)])),
    ...limit('minimum', 'exclusiveMinimum', minimum, exclusiveMinimum),
    ...limit('maximum', 'exclusiveMaximum', maximum, exclusiveMaximum),
  }
}

function limit(name: string, exclusiveName: string, value: unknown, exclusive: unknown): Record<string, unknown> {
  if (exclusive === true) return { [exclusiveName]: value }
  return { ...(value === undefined ? {} : { [name]: value }), ...(typeof exclusive === 'number' ? { [exclusiveName]: exclusive } : {}) }
}
