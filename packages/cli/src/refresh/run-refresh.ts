import { join } from 'node:path'
import type { RefreshCommand } from '@instar/contract/refresh'
import { refreshCommand, RefreshFailed, type Arguments } from '@instar/phases/refresh'
import type { Context } from '../context.ts'
import { RunFailed } from '../runs/run-failed.ts'

/** What `npm run build` makes: the units start it, so that a host needs nothing else of Instar. */
const PROGRAM_FILE = join(import.meta.dirname, '../../../../dist/instar-refresh')

/** `instar refresh` in this process. */
export async function runRefresh(
  command: RefreshCommand,
  given: Pick<Arguments, 'values' | 'positionals'>,
  context: Context,
): Promise<number> {
  try {
    return await refreshCommand(
      { command, ...given, wantsHelp: false },
      {
        environment: context.env,
        stateDir: context.paths.stateDir,
        signal: withoutLostReader(context.signal),
        now: context.now,
        stdout: context.stdout,
        programFile: PROGRAM_FILE,
      },
    )
  } catch (error) {
    if (error instanceof RefreshFailed) throw new RunFailed(error.runId, error.cause, `instar refresh show ${error.runId}`)
    throw error
  }
}

/** A reader that has gone (`| head`) must not leave a host half configured: the journal has everything. */
function withoutLostReader(signal: AbortSignal): AbortSignal {
  const cancel = new AbortController()
  const follow = () => {
    const reason: unknown = signal.reason
    const cause = reason instanceof Error ? reason.cause : undefined
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EPIPE')) cancel.abort(reason)
  }
  if (signal.aborted) follow()
  else signal.addEventListener('abort', follow, { once: true })
  return cancel.signal
}
