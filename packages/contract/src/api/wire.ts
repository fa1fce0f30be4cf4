import * as z from 'zod/mini'

/** Names under which schemas stand in the OpenAPI document. */
export const documented = z.registry<{ id?: string; description?: string }>()

/** UTC without a zone, microseconds always zero: what Coriolis' clients print as it comes. */
export const WireTime = z.string().register(documented, { description: 'UTC, YYYY-MM-DDTHH:MM:SS.000000' })

export function wireTime(time: Date): string {
  return `${time.toISOString().slice(0, 19)}.000000`
}

export function wireTimeOrNull(time: Date | null): string | null {
  return time === null ? null : wireTime(time)
}

/** What every stored object tells of itself. `deleted` is the text "0", or the object's own id once it was deleted. */
export const rowTimes = {
  created_at: WireTime,
  updated_at: z.nullable(WireTime),
  deleted_at: z.nullable(WireTime),
  deleted: z.string(),
}

/** An object with names that only a provider knows. */
export const OpenObject = z.record(z.string(), z.unknown())

/** The largest sizes that the API takes. */
export const LIMITS = {
  nameChars: 255,
  textChars: 65_536,
  instanceNameChars: 1024,
  instances: 10_000,
  regions: 1000,
  /** Levels of objects and lists in a body. */
  nesting: 32,
  bodyBytes: 16 * 1024 * 1024,
  /** Request line and headers; an environment in a query is part of it. */
  headBytes: 128 * 1024,
  scriptChars: 1024 * 1024,
  scriptsPerList: 200,
} as const

export const Name = z.string().check(z.minLength(1), z.maxLength(LIMITS.nameChars))
export const Text = z.string().check(z.maxLength(LIMITS.textChars))
export const Regions = z.array(z.string().check(z.maxLength(LIMITS.nameChars))).check(z.maxLength(LIMITS.regions))
