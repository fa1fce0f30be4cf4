/** What runs a payload: named by us on the command line, so that neither `noexec` nor an SELinux label of the payload matters. */
export interface Interpreter {
  readonly path: string
  /** All that follows the path in the first line, as one argument (execve(2) does the same); '' when there is nothing. */
  readonly argument: string
}

const SHEBANG = /^#![ \t]*([^ \t\n]+)[ \t]*([^\n]*?)[ \t]*(?:\n|$)/

/** The interpreter of a payload's first line; `/bin/sh` where it names none. */
export function interpreterOf(payload: string): Interpreter {
  const found = SHEBANG.exec(payload)
  return { path: found?.[1] ?? '/bin/sh', argument: found?.[2] ?? '' }
}

/** "python3" of `#!/usr/bin/env python3` and of `#!/usr/bin/env -S python3 -u`: what env(1) looks for along PATH. */
export function envProgramOf({ path, argument }: Interpreter): string | undefined {
  if (!path.endsWith('/env')) return undefined
  return argument.split(/\s+/).find(word => word !== '' && !word.startsWith('-') && !word.includes('='))
}
