import { InstarError } from '@instar/contract'

/** Whose secret it is to be: the token is the caller's, and what the key manager lets him read he may use. */
export interface SecretReader {
  /**
   * Reads the connection data at `ref` from a Barbican. Only the configured one is asked, or the one of the Keystone's catalog, whatever host
   * `ref` names. Throws `endpoint.no-key-manager`, `endpoint.secret-refused` and `endpoint.key-manager-away`.
   */
  read(ref: string, asked: SecretQuestion): Promise<Record<string, unknown>>
}

interface SecretQuestion {
  readonly token: string
  /** Of the Keystone that vouches for the token. */
  readonly catalogUrl: string | undefined
  readonly signal: AbortSignal
}

const TIMEOUT_MS = 10_000
/** Barbican itself keeps at most 20 kB unless told otherwise. */
const MAX_BYTES = 1024 * 1024

export function createSecretReader(configuredUrl: string | undefined): SecretReader {
  return {
    read: async (ref, { token, catalogUrl, signal }) => {
      const url = payloadUrl(ref, configuredUrl ?? catalogUrl)
      const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
      return parsePayload(await ask(url, token, limit), ref)
    },
  }
}

/** Made of the operator's address and the id alone. */
function payloadUrl(ref: string, base: string | undefined): string {
  if (base === undefined) {
    throw new InstarError('endpoint.no-key-manager', `the connection data lies in a key manager (${clip(ref)}), and none is configured`)
  }
  const root = new URL(base)
  const folder = root.pathname.replace(/(?:\/v1)?\/*$/, '')
  const named = URL.canParse(ref) ? new URL(ref) : undefined
  const path = named?.pathname ?? ''
  const [, id] = /^\/v1\/secrets\/([\da-fA-F-]{32,36})\/?$/.exec(path.startsWith(folder) ? path.slice(folder.length) : '') ?? []
  if (named === undefined || named.origin !== root.origin || id === undefined) {
    throw new InstarError('endpoint.secret-refused', `${clip(ref)} is no secret of the key manager ${root.origin}${folder}`)
  }
  return `${root.origin}${folder}/v1/secrets/${id}/payload`
}

async function ask(url: string, token: string, signal: AbortSignal): Promise<string> {
  try {
    const answer = await fetch(url, { headers: { 'x-auth-token': token, accept: 'text/plain' }, redirect: 'error', signal })
    if (answer.status >= 500) throw new Error(`it answered ${answer.status}`)
    if (answer.status !== 200) throw new InstarError('endpoint.secret-refused', `the key manager answered ${answer.status} for ${url}`)
    return await readText(answer)
  } catch (error) {
    if (error instanceof InstarError) throw error
    throw new InstarError('endpoint.key-manager-away', `the key manager gave no secret for ${url}`, { cause: error })
  }
}

async function readText(answer: Response): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of answer.body ?? []) {
    size += piece.length
    if (size > MAX_BYTES) throw new InstarError('endpoint.secret-refused', `the secret has more than ${MAX_BYTES} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

/** What cannot be read is a secret too: no error quotes it. */
function parsePayload(text: string, ref: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Told below.
  }
  throw new InstarError('endpoint.secret-refused', `the secret ${clip(ref)} is no JSON object`)
}

function clip(ref: string): string {
  return ref.slice(0, 200)
}
