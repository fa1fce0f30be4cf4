import { InstarError } from '@instar/contract'

/** SQLSTATEs of a server that is there and does not let us work: no such database, no such role or a wrong password, no right. */
const REFUSALS: ReadonlySet<string> = new Set(['3D000', '28000', '28P01', '42501'])

/** `store.refused` for what a wrong address, name, password or right of the user's database comes to; any other error as it is. */
export function whyRefused(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof InstarError) return error
  const { code = '', syscall } = error as NodeJS.ErrnoException
  const isRefused = REFUSALS.has(code) || (code === 'ENOTFOUND' && syscall === 'getaddrinfo')
  return isRefused ? new InstarError('store.refused', 'the database of DATABASE_URL cannot be used', { cause: error }) : error
}
