import { ERRORS, InstarError, type ErrorCode } from '@instar/contract/errors'
import { findKnown } from '@instar/phases/text'

/** The error that an answer of 400 and above tells: our service's own code, reasons and hint, or what another server's body says. */
export function refusalOf(status: number, text: string, asked: string): InstarError {
  const body = parse(text)
  const error = objectAt(body, 'error')
  const ours = objectAt(error, 'instar')
  const message = stringAt(error, 'message') ?? `${asked} was answered by status ${status}`
  const code = stringAt(ours, 'code')
  const hint = stringAt(ours, 'hint')
  return new InstarError(isCode(code) ? code : codeOfStatus(status), message, {
    ...(hint === undefined ? {} : { hint }),
    details: { status, asked },
    ...causeOf(ours?.['because']),
  })
}

/** The status of the answer that an error tells of; `undefined` where there was no answer. */
export function statusOf(error: unknown): number | undefined {
  const status = findKnown(error)?.details['status']
  return typeof status === 'number' ? status : undefined
}

/** Whether the same question may be answered a moment later. */
export function isTransient(error: unknown): boolean {
  const code = findKnown(error)?.code
  return code !== undefined && ERRORS[code].fault === 'transient'
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401) return 'service.not-authenticated'
  if (status === 403) return 'api.forbidden'
  if (status === 404) return 'api.not-found'
  if (status === 503) return 'service.unavailable'
  return status < 500 ? 'api.bad-request' : 'service.failed'
}

/** The reasons as a chain of errors, outermost first, as `errorChain` takes it apart again. */
function causeOf(because: unknown): { cause?: Error } {
  const reasons = Array.isArray(because) ? because.filter(reason => typeof reason === 'string') : []
  const cause = reasons.reduceRight<Error | undefined>(
    (inner, reason) => new Error(reason, inner === undefined ? {} : { cause: inner }),
    undefined,
  )
  return cause === undefined ? {} : { cause }
}

function isCode(code: string | undefined): code is ErrorCode {
  return code !== undefined && Object.hasOwn(ERRORS, code)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A proxy's page: its status says enough.
    return undefined
  }
}

function objectAt(value: unknown, key: string): Record<string, unknown> | undefined {
  const found = isObject(value) ? value[key] : undefined
  return isObject(found) ? found : undefined
}

function stringAt(value: Record<string, unknown> | undefined, key: string): string | undefined {
  const found = value?.[key]
  return typeof found === 'string' ? found : undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
