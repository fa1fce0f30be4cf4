import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { InstarError } from '@instar/contract'
import type { RouteName } from '@instar/contract/api'
import type { Call, Handlers } from '../http/call.ts'
import { notFound } from '../lists/row.ts'

const SUFFIX = '.log'
/** syslog's severities, as the web UI counts them, with pino's levels. */
const PINO_LEVELS = [60, 60, 60, 50, 40, 30, 30, 20]

/** The log files of the service in this folder, a line of JSON each; without a folder there are none. */
export function logRoutes(folder: string | undefined) {
  return {
    'logs.list': async () => ({ logs: (await namesIn(folder)).map(log_name => ({ log_name })) }),
    'logs.show': async call => {
      const name = (await namesIn(folder)).find(name => name === call.params.log_name)
      if (folder === undefined || name === undefined) throw notFound('log', call.params.log_name)
      const keep = lineFilter(call.query)
      const lines = createInterface({ input: createReadStream(join(folder, name + SUFFIX)), crlfDelay: Infinity })
      sendText(call, keptLines(lines, keep))
    },
  } satisfies Partial<Handlers<RouteName>>
}

async function namesIn(folder: string | undefined): Promise<string[]> {
  if (folder === undefined) return []
  const files = await readdir(folder).catch((error: unknown) => {
    if ((error as { code?: unknown }).code === 'ENOENT') return []
    throw error
  })
  return files
    .filter(file => file.endsWith(SUFFIX))
    .map(file => file.slice(0, -SUFFIX.length))
    .sort()
}

type Keep = (line: string) => boolean

function lineFilter(query: Call<'logs.show'>['query']): Keep {
  const from = readSeconds(query.start_date, 'start_date') ?? 0
  const to = readSeconds(query.end_date, 'end_date') ?? Infinity
  const severity = readSeconds(query.severity, 'severity')
  const level = severity === undefined ? 0 : (PINO_LEVELS[severity] ?? 0)
  if (from === 0 && to === Infinity && level === 0) return () => true
  return line => {
    const { time, level: own } = parseLine(line)
    return time >= 1000 * from && time <= 1000 * to && own >= level
  }
}

function readSeconds(text: string | undefined, name: string): number | undefined {
  if (text === undefined || text === '') return undefined
  if (!/^\d{1,12}(?:\.\d+)?$/.test(text)) throw new InstarError('api.bad-query', `${name} is no number: "${text.slice(0, 40)}"`)
  return Number(text)
}

/** A line that is not ours, of a crash for instance, is always in. */
function parseLine(line: string): { time: number; level: number } {
  try {
    const { time, level } = JSON.parse(line) as { time?: unknown; level?: unknown }
    const at = typeof time === 'string' ? Date.parse(time) : time
    return { time: typeof at === 'number' ? at : 0, level: typeof level === 'number' ? level : 0 }
  } catch {
    return { time: 0, level: Infinity }
  }
}

async function* keptLines(lines: AsyncIterable<string>, keep: Keep): AsyncGenerator<string> {
  for await (const line of lines) if (keep(line)) yield `${line}\n`
}

function sendText({ reply, request, signal }: Call<'logs.show'>, text: AsyncIterable<string>): void {
  reply.hijack()
  reply.raw.writeHead(200, {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'x-openstack-request-id': request.id,
  })
  Readable.from(text, { signal })
    .on('error', () => reply.raw.destroy())
    .pipe(reply.raw)
}
