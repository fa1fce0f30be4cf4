import * as z from 'zod/mini'
import { ERRORS, InstarError, errorChain, type ErrorCode } from '../errors.ts'
import { documented } from './wire.ts'

/** Every error of the API. `fault`, `code` and `message` are Coriolis'; `instar` tells the cause and what to do. */
export const ErrorBody = z
  .object({
    error: z.object({
      fault: z.string(),
      code: z.int(),
      message: z.string(),
      title: z.optional(z.string()),
      instar: z.object({ code: z.string(), because: z.array(z.string()), hint: z.string() }),
    }),
  })
  .register(documented, { id: 'Error' })
export type ErrorBody = z.infer<typeof ErrorBody>

const FAULTS: Readonly<Record<number, string>> = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  429: 'overLimit',
  501: 'notImplemented',
  503: 'serviceUnavailable',
}

/** The body for an error. What is a defect of ours, or no error of the table, tells nothing of its inside. */
export function errorBody(error: unknown): ErrorBody {
  const known = error instanceof InstarError && ERRORS[error.code].fault !== 'bug' ? error : undefined
  const code: ErrorCode = known?.code ?? 'internal.bug'
  const status = ERRORS[code].status
  return {
    error: {
      fault: FAULTS[status] ?? (status < 500 ? 'badRequest' : 'computeFault'),
      code: status,
      message: known?.message ?? 'The server has either erred or is incapable of performing the requested operation.',
      ...(status === 401 ? { title: 'Unauthorized' } : {}),
      instar: { code, because: known === undefined ? [] : errorChain(known).slice(1), hint: known?.hint ?? ERRORS[code].hint },
    },
  }
}
