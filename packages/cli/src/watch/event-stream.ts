import type { IncomingMessage } from 'node:http'
import type { InstarEvent } from '@instar/contract'
import type { Api } from '../service/api.ts'
import { statusOf } from '../service/refusal.ts'

/** The service says something at least every 15 s; after so long a silence the connection is dead. */
const SILENCE_MS = 45_000
/** An event is a sentence and some numbers; what is longer is none of ours. */
const MAX_LINE_LENGTH = 1024 * 1024

/**
 * Opens the events at a path of Instar's own API after number `after`; `undefined` where the service has none, as a plain Coriolis. The stream
 * ends with what it tells of, and with the service. Throws `service.unreachable`, and what the API answers.
 */
export async function openEvents(
  api: Api,
  { path, after, signal }: { path: string; after: number; signal: AbortSignal },
): Promise<AsyncIterable<InstarEvent> | undefined> {
  const headers = { accept: 'text/event-stream', 'last-event-id': String(after) }
  try {
    const answer = await api.open('GET', await api.ownPath(path), { headers, timeoutMs: SILENCE_MS, signal })
    if (/^text\/event-stream\b/.test(answer.headers['content-type'] ?? '')) return readEvents(answer)
    // A page of a proxy or of another service.
    answer.destroy()
    return undefined
  } catch (error) {
    const status = statusOf(error)
    if (status !== undefined && status >= 400 && status < 500 && status !== 429) return undefined
    throw error
  }
}

async function* readEvents(answer: IncomingMessage): AsyncGenerator<InstarEvent> {
  for await (const data of readData(answer)) {
    const event = parse(data)
    if (event !== undefined) yield event
  }
}

/** The `data` of each event. Names and numbers stand in it too. */
async function* readData(answer: IncomingMessage): AsyncGenerator<string> {
  let rest = ''
  let data: string[] = []
  for await (const piece of answer.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_LINE_LENGTH) throw new Error('a line of the event stream has no end')
    for (const line of lines) {
      if (line.startsWith('data:')) data.push(line.slice(5).trim())
      if (line !== '' || data.length === 0) continue
      yield data.join('\n')
      data = []
    }
  }
}

/** An event that cannot be read is left out: the state of the execution is read again anyway. */
function parse(data: string): InstarEvent | undefined {
  try {
    const event: unknown = JSON.parse(data)
    return typeof event === 'object' && event !== null && 'seq' in event && typeof event.seq === 'number'
      ? (event as InstarEvent)
      : undefined
  } catch {
    return undefined
  }
}
