import type { ScriptSpec } from '@instar/contract/scripts'
import type { Machine } from '@instar/machine'
import { envProgramOf, interpreterOf } from '@instar/phases'

/** Exit codes with which a program that cannot be started is told, by exec(3) in a shell, by env(1) and by the appliance. */
const NOT_STARTED: readonly (number | null)[] = [126, 127]

/** The program that a script's first line asks for and that the minion does not have, once the script has ended with this exit code. */
export async function missingInterpreter(
  machine: Machine,
  ended: { readonly script: Pick<ScriptSpec, 'payload' | 'env'>; readonly exitCode: number | null },
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!NOT_STARTED.includes(ended.exitCode)) return undefined
  const interpreter = interpreterOf(ended.script.payload)
  const hasInterpreter = await machine.run(['test', '-x', interpreter.path], { signal, cwd: '/' })
  if (hasInterpreter.exitCode !== 0) return interpreter.path
  const program = envProgramOf(interpreter)
  if (program === undefined) return undefined
  const hasProgram = await machine.run(['/bin/sh', '-c', 'command -v "$1"', 'sh', program], { signal, cwd: '/', env: ended.script.env })
  return hasProgram.exitCode === 0 ? undefined : program
}
