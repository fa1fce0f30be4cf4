import type { FastifyRequest } from 'fastify'

/** Where clients reach us: as configured, else as this request did. */
export function baseUrlOf(request: FastifyRequest, configured: string | undefined): string {
  return configured ?? `${request.protocol}://${request.host}`
}
