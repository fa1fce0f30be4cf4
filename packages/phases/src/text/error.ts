import { ERRORS, InstarError, errorChain } from '@instar/contract/errors'

/** An error as it is stored and printed: the code of the table, the message and its causes, what to do. */
export interface ErrorReport {
  code: string
  message: string
  because: string[]
  hint: string
  details: Record<string, unknown>
}

/** What is not ours is a bug of ours. */
export function reportError(error: unknown): ErrorReport {
  const known = findKnown(error)
  const [message = 'unknown error', ...because] = errorChain(error)
  if (known === undefined) {
    const stack = error instanceof Error ? error.stack : undefined
    return { code: 'internal.bug', message, because, hint: ERRORS['internal.bug'].hint, details: stack === undefined ? {} : { stack } }
  }
  return { code: known.code, message: known.message, because: errorChain(known).slice(1), hint: known.hint, details: known.details }
}

/** A clean-up that fails too wraps the first error (SuppressedError, which Node 20 lacks): the first one is what the user must know. */
export function findKnown(error: unknown): InstarError | undefined {
  if (error instanceof InstarError) return error
  if (typeof SuppressedError !== 'undefined' && error instanceof SuppressedError)
    return findKnown(error.suppressed) ?? findKnown(error.error)
  return fullDisk(error) ?? closedPlace(error)
}

/** A full disk is no defect of ours, whichever call it stopped. */
function fullDisk(error: unknown): InstarError | undefined {
  if (!(error instanceof Error) || !('code' in error) || (error.code !== 'ENOSPC' && error.code !== 'EDQUOT')) return undefined
  const file = 'path' in error && typeof error.path === 'string' ? error.path : 'a file of the run'
  return new InstarError('image.no-space', `no space left for ${file}`, { cause: error })
}

const NO_ACCESS = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR']

/** Nor is a place where this user may not write, or which is no folder. */
function closedPlace(error: unknown): InstarError | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('path' in error) || typeof error.path !== 'string') return undefined
  // ENOENT: no folder can be made there, as below /proc. EEXIST: what is there is no folder.
  const codes = 'syscall' in error && error.syscall === 'mkdir' ? [...NO_ACCESS, 'ENOENT', 'EEXIST'] : NO_ACCESS
  const isClosed = codes.includes(String(error.code))
  return isClosed ? new InstarError('host.no-access', `cannot use ${error.path}`, { cause: error }) : undefined
}

/** The lines that a program prints for an error. `see` is a command to look further, else the one in the error's details. */
export function formatError(
  report: { code: string; message: string; because: readonly string[]; hint: string; details?: Record<string, unknown> },
  see?: string,
): string {
  const tail = report.details?.['stderr_tail']
  const inside = report.details?.['see']
  const seen = see ?? (typeof inside === 'string' ? inside : undefined)
  return [
    `error: ${report.message}  [${report.code}]`,
    ...report.because.map(cause => `because: ${cause}`),
    ...(typeof tail === 'string' && tail.trim() !== '' ? ['its last words:', ...lastLines(tail, 10).map(line => `    ${line}`)] : []),
    `hint: ${report.hint}`,
    ...(seen === undefined ? [] : [`see: ${seen}`]),
  ].join('\n')
}

function lastLines(text: string, count: number): string[] {
  return text.trimEnd().split('\n').slice(-count)
}

export function exitCodeOf(error: unknown): number {
  return findKnown(error)?.exitCode ?? 1
}
