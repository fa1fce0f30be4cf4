import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { InstarError } from '@instar/contract/errors'
import { wholeNumber } from '../commands/options.ts'
import type { Context } from '../context.ts'
import type { Api } from '../service/api.ts'
import { connect } from '../service/connect.ts'
import { addListVerb } from './verbs.ts'

interface DownloadOptions {
  readonly startTime?: number
  readonly endTime?: number
  readonly outFile?: string
}

/** `instar log ...`. */
export function register(noun: Command, context: Context): void {
  addListVerb(noun, context, {
    about: 'The logs of the service.',
    columns: [{ name: 'Log name', of: (row: { log_name: string }) => row.log_name }],
    read: async api => (await api.get<{ logs: { log_name: string }[] }>(`${await loggerUrl(api)}/logs/`)).logs,
  })
  noun
    .command('download')
    .description('One log, whole or from a time to a time.')
    .argument('<log>', 'see instar log list')
    .option('--start-time <seconds>', 'from here on: seconds since 1970', wholeUnixTime)
    .option('--end-time <seconds>', 'up to here: seconds since 1970', wholeUnixTime)
    .option('--out-file <file>', 'write it there (default: print it)')
    .action(async (name: string, options: DownloadOptions, command: Command) => {
      const api = connect(context, command)
      const query = { start_date: options.startTime, end_date: options.endTime }
      const answer = await api.open('GET', `${await loggerUrl(api)}/logs/${encodeURIComponent(name)}/`, {
        query,
        headers: { accept: 'text/plain, */*' },
      })
      if (options.outFile !== undefined) return pipeline(answer, createWriteStream(options.outFile), { signal: context.signal })
      for await (const piece of answer as AsyncIterable<Buffer>) await context.stdout.writeBytes(piece)
    })
}

async function loggerUrl(api: Api): Promise<string> {
  const { logger_url } = await api.login()
  if (logger_url !== undefined) return logger_url
  throw new InstarError('service.bad-answer', 'the catalog of the identity service has no service of type "coriolis-logger"', {
    hint: 'This service keeps no logs to read from here.',
  })
}

/** Ten digits do for the next 250 years. */
function wholeUnixTime(value: string): number {
  return /^\d{10}$/.test(value) ? Number(value) : wholeNumber(value)
}
