import { Option, type Command } from 'commander'
import { InstarError } from '@instar/contract/errors'
import { findKnown } from '@instar/phases/text'
import type { Context } from '../context.ts'

export interface ServeOptions {
  readonly config?: string
  readonly dataDir?: string
  readonly listen?: string
  readonly role?: string
  readonly pgUser?: string
}

const FOLDER_HINT =
  'Let this user read and write there, or name another folder of the service with --data-dir or INSTAR_DATA_DIR (default: below INSTAR_STATE_DIR), and of the appliance with INSTAR_CACHE_DIR.'

/** `instar serve`. */
export function registerServe(program: Command, context: Context, finish: (exitCode: number) => void): void {
  program
    .command('serve')
    .description(
      'The service: its own PostgreSQL or yours (DATABASE_URL), the API, a worker. Makes a project and user "admin" at the first start and prints the password once. Ends gracefully on SIGTERM and SIGINT.',
    )
    .option('--config <file>', 'configuration (default: INSTAR_CONFIG, else /etc/instar/config.yaml or ~/.config/instar/config.yaml)')
    .option('--data-dir <dir>', 'folder of the service (default: "service" in the state folder)')
    .option('--listen <host:port>', 'address of the API (default: 127.0.0.1:7667)')
    .addOption(new Option('--role <role>', 'serve the API, work, or both (default: all)').choices(['all', 'api', 'worker']))
    .option('--pg-user <user>', 'user that the embedded PostgreSQL runs as when we are root (default: instar, made at need)')
    .action(async (options: ServeOptions) => {
      const { runServe } = await import('../serve/run-serve.ts')
      try {
        finish(await runServe(context, options))
      } catch (error) {
        throw ofService(error)
      }
    })
}

/** The folders of the service are named otherwise than those of other commands. */
function ofService(error: unknown): unknown {
  const known = findKnown(error)
  if (known?.code !== 'host.no-access') return error
  return new InstarError(known.code, known.message, { hint: FOLDER_HINT, details: known.details, cause: known.cause })
}
