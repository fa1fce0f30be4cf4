import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { InstarError } from '@instar/contract'

const FORMAT = 1
const KEY_ID_BYTES = 8
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES
const KEY_BYTES = 32

/**
 * Encrypts what must not lie in the database in clear (AES-256-GCM). A sealed value carries the id of its key, so that keys can be changed:
 * the first key seals, all of them open. `place` names the row and column ("endpoints:<id>:connection_info"): a value moved elsewhere does not open.
 */
export interface Vault {
  seal(value: unknown, place: string): Buffer
  /**
   * The value as it was sealed, through JSON. Throws `store.unknown-key` when none of our keys made it, `store.damaged-secret` when it or its
   * place was changed.
   */
  open(sealed: Buffer, place: string): unknown
}

/** `keys`: 32 bytes each, the current one first. */
export function createVault(keys: readonly Buffer[]): Vault {
  const [current] = keys
  if (current === undefined || keys.some(key => key.length !== KEY_BYTES))
    throw new InstarError(
      'store.bad-key',
      `the vault needs keys of ${KEY_BYTES} bytes, got ${keys.map(key => key.length).join(', ') || 'none'}`,
    )
  const byId = new Map(keys.map(key => [idOf(key).toString('hex'), key]))
  return {
    seal: (value, place) => {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', current, nonce).setAAD(Buffer.from(place))
      const body = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()])
      return Buffer.concat([Buffer.from([FORMAT]), idOf(current), nonce, cipher.getAuthTag(), body])
    },
    open: (sealed, place) => {
      const keyId = sealed.subarray(1, 1 + KEY_ID_BYTES).toString('hex')
      const key = byId.get(keyId)
      if (sealed.length < HEAD_BYTES || sealed[0] !== FORMAT)
        throw new InstarError('store.damaged-secret', `the secret of ${place} is not a sealed value`)
      if (key === undefined) throw new InstarError('store.unknown-key', `the secret of ${place} was sealed with the key ${keyId}`)
      return JSON.parse(decrypt(sealed, key, place)) as unknown
    },
  }
}

function decrypt(sealed: Buffer, key: Buffer, place: string): string {
  const nonceEnd = 1 + KEY_ID_BYTES + NONCE_BYTES
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1 + KEY_ID_BYTES, nonceEnd), { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(place)).setAuthTag(sealed.subarray(nonceEnd, HEAD_BYTES))
  try {
    return decipher.update(sealed.subarray(HEAD_BYTES), undefined, 'utf8') + decipher.final('utf8')
  } catch (cause) {
    throw new InstarError('store.damaged-secret', `the secret of ${place} does not open`, { cause })
  }
}

/** Tells keys apart without telling anything about them. */
function idOf(key: Buffer): Buffer {
  return createHash('sha256').update('instar key id').update(key).digest().subarray(0, KEY_ID_BYTES)
}
