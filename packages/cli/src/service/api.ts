import type { IncomingMessage } from 'node:http'
import { InstarError } from '@instar/contract/errors'
import { readText, send, type HttpRequest } from './http.ts'
import { refusalOf } from './refusal.ts'
import type { Login } from './token-cache.ts'

type QueryValue = string | number | boolean | readonly string[] | undefined

export interface Asked {
  readonly query?: Readonly<Record<string, QueryValue>>
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  /** Ends this request alone. */
  readonly signal?: AbortSignal
}

export interface ApiOptions {
  /** The login to use; asked again with `renew` after the service refused its token. */
  readonly login: (options: { renew: boolean }) => Promise<Login>
  readonly forget: (token: string) => Promise<void>
  /** The v3 base of the identity service. */
  readonly authUrl: string
  /** Base of the API for a login: `http://host/v1/PROJECT`. */
  readonly baseOf: (login: Login) => string
  readonly signal: AbortSignal
  readonly tls: HttpRequest['tls']
}

/** The service's API as the commands use it. Paths are below the project: `endpoints/ID`. An answer of 400 and above is thrown. */
export class Api {
  readonly #options: ApiOptions

  constructor(options: ApiOptions) {
    this.#options = options
  }

  get signal(): AbortSignal {
    return this.#options.signal
  }

  async login({ renew = false } = {}): Promise<Login> {
    return this.#options.login({ renew })
  }

  /** Ends the use of a token that was kept for later commands. */
  async forget(token: string): Promise<void> {
    await this.#options.forget(token)
  }

  /** The address of the identity service's part. */
  identityPath(path: string): string {
    return `${this.#options.authUrl}/${path}`
  }

  /** The path of Instar's own API for a path below the project: `/instar/v1/PROJECT/...`, whatever stands before it in the address. */
  async ownPath(path: string): Promise<string> {
    const { baseOf } = this.#options
    const base = new URL(baseOf(await this.login()))
    return `${base.origin}${base.pathname.replace(/\/v1(?=\/|$)(?!.*\/v1(?:\/|$))/, '/instar/v1')}/${path}`
  }

  get<T>(path: string, query: Asked['query'] = {}): Promise<T> {
    return this.json<T>('GET', path, { query })
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.json<T>('POST', path, { body })
  }

  put<T>(path: string, body: unknown): Promise<T> {
    return this.json<T>('PUT', path, { body })
  }

  async delete(path: string): Promise<void> {
    await readText(await this.open('DELETE', path))
  }

  async json<T>(method: HttpRequest['method'], path: string, asked: Asked = {}): Promise<T> {
    const text = await readText(await this.open(method, path, asked))
    if (text === '') return undefined as T
    try {
      return JSON.parse(text) as T
    } catch (error) {
      throw new InstarError('service.bad-answer', `the answer to ${method} ${path} is not JSON`, { cause: error })
    }
  }

  /** The answer with its body still to be read. A token that the service knows no more is renewed once, as Keystone's clients do. */
  async open(method: HttpRequest['method'], path: string, asked: Asked = {}): Promise<IncomingMessage> {
    const first = await this.#send(method, path, { ...asked, renew: false })
    if (first.statusCode !== 401) return this.#checked(first, method, path)
    await readText(first)
    return this.#checked(await this.#send(method, path, { ...asked, renew: true }), method, path)
  }

  async #send(method: HttpRequest['method'], path: string, asked: Asked & { renew: boolean }): Promise<IncomingMessage> {
    const { baseOf, signal, tls } = this.#options
    const login = await this.#options.login({ renew: asked.renew })
    const url = new URL(/^https?:/.test(path) ? path : path.startsWith('/') ? path : `${baseOf(login)}/${path}`, baseOf(login))
    for (const [key, value] of Object.entries(asked.query ?? {})) {
      for (const one of Array.isArray(value) ? (value as readonly string[]) : [value]) {
        if (one !== undefined) url.searchParams.append(key, String(one))
      }
    }
    return send({
      method,
      url,
      headers: { 'x-auth-token': login.token, ...asked.headers },
      signal: asked.signal === undefined ? signal : AbortSignal.any([signal, asked.signal]),
      tls,
      ...(asked.body === undefined ? {} : { body: asked.body }),
      ...(asked.timeoutMs === undefined ? {} : { timeoutMs: asked.timeoutMs }),
    })
  }

  async #checked(answer: IncomingMessage, method: string, path: string): Promise<IncomingMessage> {
    const status = answer.statusCode ?? 0
    if (status < 400) return answer
    throw refusalOf(status, await readText(answer), `${method} ${path}`)
  }
}
