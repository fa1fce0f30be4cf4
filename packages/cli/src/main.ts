import { once } from 'node:events'
import { constants } from 'node:os'
import { InstarError } from '@instar/contract/errors'
import { exitCodeOf, findKnown, formatError, reportError } from '@instar/phases/text'
import type { Context, Output } from './context.ts'
import { resolvePaths } from './paths.ts'
import { runProgram } from './program.ts'
import { RunFailed } from './runs/run-failed.ts'

// The only place that reads the environment, handles signals and ends the process.

const cancel = new AbortController()
let signalName: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGPIPE' | undefined
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    // A second one ends us at once; what is left over then is cleaned up by the next start.
    if (signalName !== undefined) process.exit(128 + constants.signals[name])
    signalName = name
    cancel.abort(new InstarError('internal.cancelled', `cancelled by ${name}`))
  })
}

function outputOf(stream: NodeJS.WriteStream): Output {
  let isGone = false
  // A reader that has gone (`| head`) is no defect of ours: what runs is cancelled, so that nothing of it is left.
  stream.on('error', error => {
    if (!('code' in error) || error.code !== 'EPIPE') throw error
    isGone = true
    if (signalName !== undefined) return
    signalName = 'SIGPIPE'
    cancel.abort(new InstarError('internal.cancelled', 'cancelled: nothing reads the output any more', { cause: error }))
  })
  return {
    write: text => void (isGone || stream.write(text)),
    writeBytes: async bytes => {
      if (!isGone && !stream.write(bytes)) await once(stream, 'drain')
    },
    isTerminal: stream.isTTY && process.env['TERM'] !== 'dumb',
    // A terminal may be resized while we draw, and one that was given no size says 0.
    get columns() {
      return stream.columns || 80
    },
    get rows() {
      return stream.rows || 24
    },
  }
}

const context: Context = {
  paths: resolvePaths(process.env, process.getuid?.() ?? 0),
  signal: cancel.signal,
  stdout: outputOf(process.stdout),
  stderr: outputOf(process.stderr),
  now: () => new Date(),
  argv: process.argv.slice(2),
  cwd: process.cwd(),
  isRoot: process.getuid?.() === 0,
  env: process.env,
}

try {
  process.exitCode = await runProgram(context)
} catch (thrown) {
  const [error, see] = thrown instanceof RunFailed ? [thrown.cause, thrown.see] : [thrown, undefined]
  context.stderr.write(`${formatError(reportError(error), see)}\n`)
  process.exitCode = signalName === undefined ? exitCodeOf(error) : 128 + constants.signals[signalName]
  // The step still runs in this process: only its end stops what the step does.
  if (findKnown(error)?.code === 'engine.step-stuck') process.exit()
}
