import * as z from 'zod/mini'
import { documented, LIMITS } from '../wire.ts'

const text = z.string().check(z.maxLength(LIMITS.nameChars))
const Domain = z.object({ id: z.optional(text), name: z.optional(text) })

const Scope = z.union([
  z.literal('unscoped'),
  z.object({
    project: z.optional(z.object({ id: z.optional(text), name: z.optional(text), domain: z.optional(Domain) })),
    domain: z.optional(Domain),
    system: z.optional(z.unknown()),
    unscoped: z.optional(z.unknown()),
  }),
])

/** `POST /identity/v3/auth/tokens`: by password, or by a token that is exchanged for one of another scope. */
export const TokenRequest = z.object({
  auth: z.object({
    identity: z.object({
      methods: z.array(text).check(z.minLength(1), z.maxLength(4)),
      password: z.optional(
        z.object({
          user: z.object({
            id: z.optional(text),
            name: z.optional(text),
            domain: z.optional(Domain),
            password: z.string().check(z.maxLength(1024)),
          }),
        }),
      ),
      token: z.optional(z.object({ id: z.string().check(z.maxLength(1024)) })),
    }),
    scope: z.nullish(Scope),
  }),
})
export type TokenRequest = z.infer<typeof TokenRequest>

const Named = z.object({ id: z.string(), name: z.string() })
const InDomain = z.object({ id: z.string(), name: z.string(), domain: Named })

export const CatalogEntry = z.object({
  id: z.string(),
  type: z.string(),
  name: z.string(),
  endpoints: z.array(z.object({ id: z.string(), interface: z.string(), region: z.string(), region_id: z.string(), url: z.string() })),
})
export type CatalogEntry = z.infer<typeof CatalogEntry>

/** A token as Keystone describes it; the token itself stands in the header X-Subject-Token. */
export const TokenAnswer = z
  .object({
    token: z.object({
      methods: z.array(z.string()),
      user: z.looseObject({ id: z.string(), name: z.string(), domain: Named }),
      audit_ids: z.array(z.string()),
      issued_at: z.string(),
      expires_at: z.nullable(z.string()),
      is_domain: z.optional(z.boolean()),
      project: z.optional(InDomain),
      roles: z.optional(z.array(z.looseObject({ id: z.string(), name: z.string() }))),
      catalog: z.optional(z.array(CatalogEntry)),
    }),
  })
  .register(documented, { id: 'Token' })
export type TokenAnswer = z.infer<typeof TokenAnswer>
