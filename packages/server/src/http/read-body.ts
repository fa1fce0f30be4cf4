import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { InstarError } from '@instar/contract'
import { LIMITS } from '@instar/contract/api'

/** Bodies are JSON; another content type is treated as no body, as Coriolis does. */
export function readJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => parseBody(body))
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async () => undefined)
}

/** undefined for an empty body. */
function parseBody(body: Buffer): unknown {
  // Decoded with replacements a script would be stored that nobody wrote.
  if (!isUtf8(body)) throw new InstarError('api.malformed-body', 'malformed request body: it is not UTF-8')
  const text = body.toString()
  if (text.trim() === '') return undefined
  const value = parseJson(text)
  requireStorable(value, 1)
  return value
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new InstarError('api.malformed-body', 'malformed request body: it is not JSON', { cause })
  }
}

/** What PostgreSQL and our own code can take: no endless nesting, no NUL, no half characters, no key that reaches into prototypes. */
function requireStorable(value: unknown, depth: number): void {
  if (typeof value === 'string') return requireText(value)
  if (typeof value !== 'object' || value === null) return
  if (depth > LIMITS.nesting)
    throw new InstarError('api.malformed-body', `malformed request body: more than ${LIMITS.nesting} levels of nesting`)
  for (const [key, inner] of Object.entries(value)) {
    requireText(key)
    if (key === '__proto__') throw new InstarError('api.malformed-body', 'malformed request body: a key is "__proto__"')
    requireStorable(inner, depth + 1)
  }
}

function requireText(text: string): void {
  if (text.includes('\0')) throw new InstarError('api.malformed-body', 'malformed request body: a text holds a NUL character')
  if (!text.isWellFormed()) throw new InstarError('api.malformed-body', 'malformed request body: a text holds half of a surrogate pair')
}
