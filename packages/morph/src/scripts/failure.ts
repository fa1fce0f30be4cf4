import { InstarError } from '@instar/contract'
import type { Machine } from '@instar/machine'
import type { Attempt } from './run-script.ts'

/** Which script (or step, when `script` is '') ended a morph, as the on-error scripts are told. */
export interface ScriptFailure {
  readonly phase: string
  readonly script: string
  readonly exitCode: number | null
  readonly signal: string | null
  /** A file on the minion with what the script printed; '' where a step failed. */
  readonly log: string
  /** The error in words: all there is where a step failed and no script. */
  readonly message: string
}

/** Reads a failure from the error that ended a morph. When it is that of the last attempt, what that one printed is put on the minion as a file. */
export async function tellFailure(
  error: unknown,
  at: { readonly machine: Machine; readonly file: string; readonly last: Attempt | undefined; readonly signal: AbortSignal },
): Promise<ScriptFailure> {
  const details = error instanceof InstarError ? error.details : {}
  const isOfScript = at.last !== undefined && details['script_run_id'] === at.last.run.id
  if (isOfScript) await at.machine.write(at.file, at.last.printed(), { signal: at.signal, mode: 0o600 })
  return {
    phase: textOf(details['phase']),
    script: textOf(details['script']),
    exitCode: typeof details['exit_code'] === 'number' ? details['exit_code'] : null,
    signal: typeof details['signal'] === 'string' ? details['signal'] : null,
    log: isOfScript ? at.file : '',
    message: error instanceof Error ? error.message : String(error),
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
