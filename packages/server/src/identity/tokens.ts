import { createHash, randomBytes } from 'node:crypto'
import { InstarError } from '@instar/contract'
import type { Store } from '@instar/store'
import type { Caller } from '../http/call.ts'

/** Announces on this channel that tokens may have lost their worth: the hash of one in hex, or '' for any. */
const CHANNEL = 'instar_tokens'
/** How long a valid token is believed without a look; revocation is announced and does not wait for this. */
const BELIEVED_MS = 30_000
const MAX_BELIEVED = 10_000

/** A token as it is stored, with its owner. */
export interface StoredToken extends Caller {
  readonly hash: Buffer
  readonly methods: readonly string[]
  readonly auditId: string
  readonly issuedAt: Date
  readonly expiresAt: Date
}

export interface NewToken {
  readonly userId: string
  readonly projectId: string | null
  readonly methods: readonly string[]
  readonly auditId?: string
  readonly expiresAt: Date
}

/** The tokens of the built-in identity service. */
export class Tokens implements AsyncDisposable {
  readonly #store: Store
  readonly #now: () => Date
  readonly #believed = new Map<string, { token: StoredToken; until: number }>()
  readonly #listening: Promise<Disposable>

  constructor(store: Store, now: () => Date) {
    this.#store = store
    this.#now = now
    this.#listening = store.listen(CHANNEL, hash => {
      if (hash) this.#believed.delete(hash)
      else this.#believed.clear()
    })
  }

  /** Stores a new token and gives it; only its hash is kept. */
  async issue(token: NewToken): Promise<string> {
    const text = `inst_${randomBytes(32).toString('base64url')}`
    const row = {
      hash: hashOf(text),
      user_id: token.userId,
      project_id: token.projectId,
      methods: [...token.methods],
      audit_id: token.auditId ?? randomBytes(16).toString('base64url'),
      issued_at: this.#now(),
      expires_at: token.expiresAt,
    }
    await this.#store.db.insertInto('tokens').values(row).execute()
    await this.#store.db.deleteFrom('tokens').where('expires_at', '<', this.#now()).execute()
    return text
  }

  /** Throws `api.unauthorized` when the token is unknown, expired, or its user or project is gone or disabled. */
  async find(text: string | undefined): Promise<StoredToken> {
    if (text === undefined || text === '')
      throw new InstarError('api.unauthorized', 'this server could not verify that you may do this: a token is needed')
    const hash = hashOf(text)
    const key = hash.toString('hex')
    const now = this.#now().getTime()
    const believed = this.#believed.get(key)
    if (believed !== undefined && believed.until > now) return believed.token
    const token = await this.#load(hash)
    if (token === undefined) throw new InstarError('api.unauthorized', 'the token is not valid, or no longer')
    if (this.#believed.size >= MAX_BELIEVED) this.#believed.clear()
    this.#believed.set(key, { token, until: Math.min(now + BELIEVED_MS, token.expiresAt.getTime()) })
    return token
  }

  async revoke(token: StoredToken): Promise<void> {
    await this.#store.db.transaction().execute(async trx => {
      await trx.deleteFrom('tokens').where('hash', '=', token.hash).execute()
      await this.#store.notify(trx, CHANNEL, token.hash.toString('hex'))
    })
    this.#believed.delete(token.hash.toString('hex'))
  }

  /** To be called in the transaction that changes a user, a project or a role: every process asks anew. */
  async forget(trx: Store['db']): Promise<void> {
    this.#believed.clear()
    await this.#store.notify(trx, CHANNEL, '')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const listening = await this.#listening.catch(() => undefined)
    listening?.[Symbol.dispose]()
  }

  async #load(hash: Buffer): Promise<StoredToken | undefined> {
    const row = await this.#store.db
      .selectFrom('tokens')
      .innerJoin('users', 'users.id', 'tokens.user_id')
      .leftJoin('projects', 'projects.id', 'tokens.project_id')
      .select(['tokens.user_id', 'tokens.project_id', 'methods', 'audit_id', 'issued_at', 'expires_at', 'users.name', 'users.enabled'])
      .select('projects.enabled as project_enabled')
      .where('hash', '=', hash)
      .executeTakeFirst()
    if (row === undefined || !row.enabled || row.expires_at <= this.#now() || (row.project_id !== null && row.project_enabled !== true))
      return undefined
    const roles = row.project_id === null ? [] : await rolesIn(this.#store.db, row.user_id, row.project_id)
    // Whoever lost the project holds a token of nothing.
    if (row.project_id !== null && roles.length === 0) return undefined
    return {
      hash,
      userId: row.user_id,
      userName: row.name,
      projectId: row.project_id,
      roles,
      methods: row.methods,
      auditId: row.audit_id,
      issuedAt: row.issued_at,
      expiresAt: row.expires_at,
    }
  }
}

/** The roles of a user in a project. */
export async function rolesIn(db: Store['db'], userId: string, projectId: string): Promise<('reader' | 'member' | 'admin')[]> {
  const rows = await db
    .selectFrom('role_assignments')
    .select('role')
    .where('user_id', '=', userId)
    .where('project_id', '=', projectId)
    .execute()
  return rows.map(({ role }) => role)
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
