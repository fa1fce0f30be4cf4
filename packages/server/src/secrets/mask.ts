/** What stands for a secret in answers; sent back, it keeps what is stored. */
const MASK = '***'

const SECRET_KEY =
  /passw|passphrase|^pass$|pwd$|secret|private_?key|pkey|credential|api_?key|(?:^|_)key(?:_data)?$|[a-z]Key$|token|cookie|^sas/i
/** A reference to a secret store is no secret, and clients need it; nor is what tells where tokens come from, and how long they live. */
const NOT_SECRET = /^secret_ref$|(?:public|host)_?key$|token_?(?:url|uri|endpoint|type|ttl|lifetime)$/i
/** Everything inside them is. */
const SECRET_TREE = /^(?:certificates|disk_encryption_keys)$/i

function mask(value: unknown, isSecret: boolean): unknown {
  if (Array.isArray(value)) return value.map(item => mask(item, isSecret))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mask(inner, isSecret || isSecretName(key))]))
  }
  return isSecret && value !== null && value !== '' ? MASK : value
}

function isSecretName(key: string): boolean {
  return SECRET_TREE.test(key) || (SECRET_KEY.test(key) && !NOT_SECRET.test(key))
}

function restoreSecrets(sent: unknown, stored: unknown): unknown {
  if (sent === MASK) return typeof stored === 'object' ? sent : (stored ?? sent)
  if (Array.isArray(sent)) return sent.map((item, at) => restoreSecrets(item, Array.isArray(stored) ? stored[at] : undefined))
  if (typeof sent !== 'object' || sent === null) return sent
  const old = typeof stored === 'object' && stored !== null ? new Map<string, unknown>(Object.entries(stored)) : new Map<string, unknown>()
  return Object.fromEntries(Object.entries(sent).map(([key, inner]) => [key, restoreSecrets(inner, old.get(key))]))
}

type OpenObject = Record<string, unknown>

/** A copy in which every value under a name that sounds like a secret is masked, at any depth. */
export function maskObject(value: OpenObject): OpenObject {
  return mask(value, false) as OpenObject
}

/** What a client sent, with the stored values where it sent the mask back. */
export function restoreObject(sent: OpenObject, stored: OpenObject): OpenObject {
  return restoreSecrets(sent, stored) as OpenObject
}
