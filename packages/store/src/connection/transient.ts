/** SQLSTATE classes and codes after which the same work may succeed: lost connections, a server that stops or starts, lost races. */
const TRANSIENT_CODES: ReadonlySet<string> = new Set(['40001', '40P01', '57P01', '57P02', '57P03', '53300', '55P03', '25006'])
const SYSTEM_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EAI_AGAIN',
])
/** What the client library says without a code when the server went away under it. */
const LOST_CONNECTION =
  /connection terminated|connection ended|client has encountered a connection error|timeout exceeded when trying to connect/i

/** Whether the database was away or we lost a race, so that the same transaction may be tried again. */
export function isTransientDatabaseError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code = '', syscall } = error as NodeJS.ErrnoException
  if (/^08...$/.test(code) || TRANSIENT_CODES.has(code)) return true
  // ENOENT and the like count only as an answer to connect(2): a missing file of ours is another matter.
  if (SYSTEM_CODES.has(code) && syscall !== undefined && /^(connect|read|write|getaddrinfo)$/.test(syscall)) return true
  return code === '' && LOST_CONNECTION.test(error.message)
}
