import { createHash } from 'node:crypto'
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SessionSettings } from './settings.ts'

/** A token with what came with it. */
export interface Login {
  readonly token: string
  /** ISO 8601, UTC; null = never. */
  readonly expires_at: string | null
  readonly project: { readonly id: string; readonly name: string }
  readonly user: { readonly id: string; readonly name: string }
  readonly roles: readonly string[]
  /** Base of the API from the catalog; absent where the catalog names none. */
  readonly api_url?: string
  readonly logger_url?: string
}

/** A token that lies on the disk is worth stealing: it is used for so long and then asked for anew. */
const KEPT_MS = 10 * 60_000
const SAFETY_MS = 60_000

/** Tokens of earlier commands: files that only the user can read, one for each service, user and project. No password is in name or content. */
export class TokenCache {
  readonly #file: string
  readonly #now: () => Date

  constructor(stateDir: string, settings: SessionSettings, now: () => Date) {
    const { credentials, authUrl, project, region } = settings
    const who = credentials.kind === 'password' ? credentials.user : { token: credentials.token }
    const name = createHash('sha256').update(JSON.stringify([authUrl, who, project, region ?? null]))
    this.#file = join(stateDir, 'tokens', `${name.digest('hex').slice(0, 32)}.json`)
    this.#now = now
  }

  async load(): Promise<Login | undefined> {
    try {
      const { version, kept_until, login } = JSON.parse(await readFile(this.#file, 'utf8')) as {
        version: number
        kept_until: string
        login: Login
      }
      return version === 1 && Date.parse(kept_until) > this.#now().getTime() ? login : undefined
    } catch {
      // Absent, half-written or another version's: the service gives a new one.
      return undefined
    }
  }

  async save(login: Login): Promise<void> {
    const until = Math.min(this.#now().getTime() + KEPT_MS, login.expires_at === null ? Infinity : Date.parse(login.expires_at) - SAFETY_MS)
    const folder = join(this.#file, '..')
    const draft = `${this.#file}.${process.pid}`
    try {
      const { makeFolder } = await import('@instar/machine')
      await makeFolder(folder)
      await chmod(folder, 0o700)
      await writeFile(draft, JSON.stringify({ version: 1, kept_until: new Date(until).toISOString(), login }), { mode: 0o600, flag: 'wx' })
      await rename(draft, this.#file)
    } catch {
      // A state folder that takes no files costs one request a command, and no command.
      await rm(draft, { force: true }).catch(() => undefined)
    }
  }

  async drop(): Promise<void> {
    await rm(this.#file, { force: true }).catch(() => undefined)
  }
}
