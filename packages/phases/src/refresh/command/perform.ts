import { exitCodeOf, formatError, reportError } from '../../text/index.ts'
import { parseArguments } from './arguments.ts'
import { renderHelp } from './help.ts'
import type { RefreshIo } from './io.ts'
import { refreshCommand } from './refresh-command.ts'
import { RefreshFailed } from './run-command.ts'

export const PROGRAM = 'instar-refresh'
const VERSION = '0.1.0'

/** A command line of `instar-refresh` from the words to the exit code; errors are written by `tell`. */
export async function perform(argv: readonly string[], io: RefreshIo, tell: (text: string) => void): Promise<number> {
  try {
    if (argv[0] === '--version') {
      io.stdout.write(`${VERSION}\n`)
      return 0
    }
    const args = parseArguments(argv)
    if (!args.wantsHelp) return await refreshCommand(args, io)
    io.stdout.write(renderHelp(PROGRAM, args.command))
    return 0
  } catch (thrown) {
    const [error, see] = thrown instanceof RefreshFailed ? [thrown.cause, `${PROGRAM} show ${thrown.runId}`] : [thrown, undefined]
    const report = reportError(error)
    tell(`${formatError({ ...report, hint: report.hint.replaceAll('instar refresh', PROGRAM) }, see)}\n`)
    return exitCodeOf(error)
  }
}
