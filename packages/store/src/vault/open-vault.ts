import type { Pool } from 'pg'
import { InstarError } from '@instar/contract'
import { makeKeyFile, parseKeys, readKeyFile } from './keys.ts'
import { createVault, type Vault } from './vault.ts'

const PLACE = 'secret_check'

export interface GivenKeys {
  /** `undefined`: the key file is missing. */
  readonly keys: readonly Buffer[] | undefined
  readonly file: string
}

/** The keys given as text, else those of the file; only looks. */
export async function readKeys(text: string | undefined, file: string): Promise<GivenKeys> {
  return { keys: text === undefined ? await readKeyFile(file) : parseKeys(text, 'the secret key'), file }
}

/**
 * The vault of a database, whose first process makes the key file where it has no keys. Throws `store.unknown-key` when the database was
 * begun with other keys, or the file that it was begun with is gone: what we then sealed nobody else could open, nor we what is there.
 */
export async function openVault(pool: Pool, { keys, file }: GivenKeys): Promise<Vault> {
  const sealed = await readCheck(pool)
  if (keys === undefined && sealed !== undefined) {
    throw new InstarError('store.unknown-key', `the key file ${file} is not there, and the database holds what was encrypted with it`, {
      hint: 'Put the file back, or give its content by INSTAR_SECRET_KEY (secret_key).',
    })
  }
  const vault = createVault(keys ?? (await makeKeyFile(file)))
  requireOpen(vault, sealed ?? (await writeCheck(pool, vault)))
  // By our current key: after a change of keys, who lacks the new one is told so too.
  await pool.query('update secret_check set sealed = $1', [vault.seal('instar', PLACE)])
  return vault
}

function requireOpen(vault: Vault, sealed: Buffer): void {
  try {
    vault.open(sealed, PLACE)
  } catch (cause) {
    throw new InstarError('store.unknown-key', 'the secrets in the database were encrypted with another key than ours', {
      cause,
      hint: 'Give every process the same keys: INSTAR_SECRET_KEY (secret_key), or the same file secret.key in its data folder. A new key comes before the old ones.',
    })
  }
}

async function readCheck(pool: Pool): Promise<Buffer | undefined> {
  const { rows } = await pool.query<{ sealed: Buffer }>('select sealed from secret_check')
  return rows[0]?.sealed
}

/** Of two processes that write it at once both read the value of one. */
async function writeCheck(pool: Pool, vault: Vault): Promise<Buffer> {
  await pool.query('insert into secret_check (sealed) values ($1) on conflict do nothing', [vault.seal('instar', PLACE)])
  const sealed = await readCheck(pool)
  if (sealed === undefined) throw new InstarError('internal.bug', 'the row of secret_check is gone')
  return sealed
}
