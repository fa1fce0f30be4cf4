import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

// For tests: a service on loopback whose answers a test decides.

export interface Seen {
  readonly method: string
  /** Path and query as they were sent. */
  readonly url: string
  readonly path: string
  readonly query: URLSearchParams
  readonly body: unknown
  readonly token: string | undefined
  readonly headers: IncomingMessage['headers']
}

export interface Answer {
  readonly status: number
  readonly body?: unknown
}

export interface FakeService extends AsyncDisposable {
  readonly url: string
  /** All requests but those for tokens. */
  readonly seen: Seen[]
  readonly logins: unknown[]
  /** Tokens that are answered by 401. */
  readonly refused: Set<string>
}

export const PROJECT_ID = '0a1b2c3d4e5f60718293a4b5c6d7e8f9'
export const PASSWORD = 'correct horse'

/** A text as body is sent as it is, anything else as JSON. No answer means 404. */
export async function startFakeService(answer: (request: Seen) => Answer | undefined): Promise<FakeService> {
  const seen: Seen[] = []
  const logins: unknown[] = []
  const refused = new Set<string>()
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const pieces: Buffer[] = []
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece)
    const text = Buffer.concat(pieces).toString()
    const body: unknown = text === '' ? undefined : JSON.parse(text)
    const url = new URL(request.url ?? '/', 'http://fake')
    if (url.pathname === '/identity/v3/auth/tokens' && request.method === 'POST') {
      logins.push(body)
      const { status, body: answered } = tokenAnswer(body, baseOf(server.address() as AddressInfo))
      return void response.writeHead(status, { 'x-subject-token': `token-${logins.length}` }).end(JSON.stringify(answered))
    }
    const token = request.headers['x-auth-token'] as string | undefined
    const one = {
      method: request.method ?? '',
      url: request.url ?? '',
      path: url.pathname,
      query: url.searchParams,
      body,
      token,
      headers: request.headers,
    }
    seen.push(one)
    const { status, body: answered } =
      token !== undefined && refused.has(token) ? refusal(401, 'authenticate') : (answer(one) ?? refusal(404, `no ${url.pathname}`))
    response.writeHead(status).end(typeof answered === 'string' ? answered : JSON.stringify(answered))
  }
  const server = createServer((request, response) => void handle(request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: baseOf(server.address() as AddressInfo),
    seen,
    logins,
    refused,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** An error as a Coriolis or Keystone says it, without what Instar adds. */
export function refusal(code: number, message: string): Answer {
  return { status: code, body: { error: { fault: 'itemNotFound', code, message } } }
}

function baseOf({ port }: AddressInfo): string {
  return `http://127.0.0.1:${port}`
}

interface Login {
  readonly auth: { readonly identity: { readonly password?: { readonly user: { readonly password: string } }; readonly token?: object } }
}

function tokenAnswer(body: unknown, base: string): Answer {
  const { identity } = (body as Login).auth
  if (identity.token === undefined && identity.password?.user.password !== PASSWORD) return refusal(401, 'wrong password')
  const service = (type: string, url: string) => ({ type, name: type, endpoints: [{ interface: 'public', region_id: 'RegionOne', url }] })
  return {
    status: 201,
    body: {
      token: {
        expires_at: '2099-01-02T03:04:05.000000Z',
        user: { id: 'u'.repeat(32), name: 'admin' },
        project: { id: PROJECT_ID, name: 'admin' },
        roles: [{ id: 'r', name: 'admin' }],
        catalog: [service('migration', `${base}/v1/${PROJECT_ID}`), service('coriolis-logger', `${base}/logger/api/v1`)],
      },
    },
  }
}
