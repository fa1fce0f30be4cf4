import type { ScriptOptions } from '../commands/options.ts'
import type { ScriptFlags } from './collect.ts'

/** The script flags of a command line, absent ones as empty lists. */
export function scriptFlagsOf(options: ScriptOptions): ScriptFlags {
  return {
    script: options.script ?? [],
    userScriptGlobal: options.userScriptGlobal ?? [],
    userScriptInstance: options.userScriptInstance ?? [],
    ...(options.userScriptsDir === undefined ? {} : { userScriptsDir: options.userScriptsDir }),
  }
}
