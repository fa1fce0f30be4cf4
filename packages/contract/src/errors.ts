import { COMMAND_LINE_ERRORS } from './errors/command-line.ts'
import { GUEST_ERRORS } from './errors/guest.ts'
import { IMAGE_ERRORS } from './errors/image.ts'
import { MACHINE_ERRORS } from './errors/machine.ts'
import { REFRESH_ERRORS } from './errors/refresh.ts'
import { SERVICE_ERRORS } from './errors/service.ts'
import { STORE_ERRORS } from './errors/store.ts'

/** Every error that Instar reports, with what the user can do about it. `docs/reference/errors.md` is made from this table. */
export const ERRORS = {
  ...COMMAND_LINE_ERRORS,
  ...SERVICE_ERRORS,
  ...STORE_ERRORS,
  ...IMAGE_ERRORS,
  ...MACHINE_ERRORS,
  ...GUEST_ERRORS,
  ...REFRESH_ERRORS,
} as const

export type ErrorCode = keyof typeof ERRORS

interface InstarErrorOptions {
  /** Replaces the hint of the table where the place knows better. */
  readonly hint?: string
  /** Values for machines: numbers with their units in the name, paths, counts. */
  readonly details?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

/** The one error class: a code of the table, what we tried on which thing, and the cause it came from. */
export class InstarError extends Error {
  override readonly name = 'InstarError'
  readonly code: ErrorCode
  readonly hint: string
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: InstarErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.hint = options.hint ?? ERRORS[code].hint
    this.details = options.details ?? {}
  }

  get exitCode(): number {
    return ERRORS[this.code].exit
  }
}

/** The messages of an error and all its causes, outermost first. */
export function errorChain(error: unknown): string[] {
  const chain: string[] = []
  for (let at: unknown = error; at !== undefined && at !== null && chain.length < 10; at = at instanceof Error ? at.cause : undefined) {
    chain.push(at instanceof Error ? at.message : JSON.stringify(at))
  }
  return chain
}
