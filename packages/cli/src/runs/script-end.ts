import type { FailedScript, ScriptRun } from '@instar/contract'
import { printable } from '@instar/phases/text'

/** How a script ended, in a word or two. */
export function endOf(script: ScriptRun): string {
  if (script.interrupted) return 'interrupted'
  return script.ended_at === null ? 'not ended' : endOfDone(script)
}

/** What an operator must see of a run that went on though scripts failed: "done, but 1 script failed: licence.sh (exit 3)". */
export function describeFailedScripts(failed: readonly FailedScript[]): string {
  const names = failed.map(script => `${printable(script.name)} (${endOfDone(script)})`)
  return `done, but ${failed.length} ${failed.length === 1 ? 'script' : 'scripts'} failed: ${names.join(', ')}`
}

function endOfDone({ timed_out, signal, exit_code }: Pick<ScriptRun, 'timed_out' | 'signal' | 'exit_code'>): string {
  return timed_out ? 'time limit' : (signal ?? `exit ${exit_code}`)
}
