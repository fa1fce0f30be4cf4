import { readFileSync } from 'node:fs'
import type { IncomingMessage, RequestOptions } from 'node:http'
import { InstarError } from '@instar/contract/errors'

// node:http and not fetch: the first fetch of a process costs 30 ms, this 5.

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD'
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: unknown
  readonly signal: AbortSignal
  readonly tls: { readonly caFile: string | undefined; readonly insecure: boolean }
  /** How long the service may be silent; 0 = no limit (a stream of events). */
  readonly timeoutMs?: number
}

/** A question to a provider takes up to 60 s on the server; what takes longer is lost. */
const SILENCE_MS = 90_000
/** No answer that is taken whole is larger: lists of thousands of machines have a few MB. */
const MAX_BODY_BYTES = 256 * 1024 * 1024

/** Sends a request and gives the answer as soon as its head is there; throws `service.unreachable` when there is none. */
export async function send(request: HttpRequest): Promise<IncomingMessage> {
  const { request: open } = request.url.protocol === 'https:' ? await import('node:https') : await import('node:http')
  const body = request.body === undefined ? undefined : JSON.stringify(request.body)
  const options: RequestOptions & { ca?: string; rejectUnauthorized?: boolean } = {
    method: request.method,
    signal: request.signal,
    timeout: request.timeoutMs ?? SILENCE_MS,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
      ...request.headers,
    },
    ...(request.tls.caFile === undefined ? {} : { ca: readCa(request.tls.caFile) }),
    ...(request.tls.insecure ? { rejectUnauthorized: false } : {}),
  }
  try {
    return await new Promise((resolve, reject) => {
      const sent = open(request.url, options, resolve)
      sent.on('error', reject)
      sent.on('timeout', () => sent.destroy(new Error(`no word for ${(request.timeoutMs ?? SILENCE_MS) / 1000} s`)))
      sent.end(body)
    })
  } catch (error) {
    request.signal.throwIfAborted()
    throw new InstarError('service.unreachable', `no answer from ${request.url.origin} to ${request.method} ${request.url.pathname}`, {
      cause: error,
    })
  }
}

/** The whole body as text. */
export async function readText(answer: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of answer as AsyncIterable<Buffer>) {
    size += piece.length
    if (size > MAX_BODY_BYTES) throw new InstarError('service.bad-answer', `an answer of more than ${MAX_BODY_BYTES} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new InstarError('usage.unreadable-file', `cannot read the certificates of ${file}`, { cause: error })
  }
}
