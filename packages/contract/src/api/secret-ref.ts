/** What an endpoint's sealed connection data may be: the data itself, or where a key manager has it, with what was last read there. */
type Stored = Readonly<Record<string, unknown>>

/** Beside `secret_ref` in what is sealed; in no answer. */
const READ = 'instar_read'

/** The address of the secret that holds the connection data; `undefined` for data that stands there itself. */
export function secretRefOf(stored: Stored): string | undefined {
  const { secret_ref: ref } = stored
  return typeof ref === 'string' ? ref : undefined
}

/** As users may see it, and as they gave it. */
export function shownConnection(stored: Stored): Record<string, unknown> {
  if (secretRefOf(stored) === undefined) return { ...stored }
  const { [READ]: _, ...shown } = stored
  return shown
}

/** To be sealed after the secret was read. */
export function withSecret(stored: Stored, secret: Stored): Record<string, unknown> {
  return { ...stored, [READ]: secret }
}

/** What a provider gets; `undefined` when the secret was never read. */
export function usableConnection(stored: Stored): Record<string, unknown> | undefined {
  if (secretRefOf(stored) === undefined) return { ...stored }
  const read = stored[READ]
  return typeof read === 'object' && read !== null ? { ...read } : undefined
}
