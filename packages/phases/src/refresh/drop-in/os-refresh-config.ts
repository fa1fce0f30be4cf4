// The program os-refresh-config: a drop-in for the Python program of that name; docs/reference/refresh.md says what it does.
import { isMainThread, workerData } from 'node:worker_threads'
import { inheritedDescriptors } from '../../run-parts/inherited-descriptors.ts'
import { createLocalTime } from '../../run-parts/local-time.ts'
import { createMessages } from '../../run-parts/messages.ts'
import { takeRunLock } from '../../run-parts/run-lock.ts'
import { closedStreams } from '../../run-parts/standard-streams.ts'
import type { Stream } from '../../run-parts/starter.ts'
import { watchSignals } from '../../run-parts/stop-signals.ts'
import { writeAll } from '../../run-parts/write-all.ts'
import { findBaseDirectory } from './base-directory.ts'
import { helpText, usageText } from './help-text.ts'
import { createLog } from './log-lines.ts'
import { parseOptions } from './options.ts'
import type { Options } from './options.ts'
import { PHASES, runPhases } from './phase-run.ts'
import { serveForeignRun } from './run-foreign.ts'
import type { ForeignRun } from './run-foreign.ts'
import { findForeignRunner, processesOfForeignRunner } from './foreign-runner.ts'
import { RunProcesses } from './run-processes.ts'
import { startTimeLimit } from './time-limit.ts'

const [STDOUT, STDERR] = [1, 2]
/** Errno of a lock that somebody else holds; it is the exit code as well. */
const EAGAIN = 11
const FALLBACK_COLUMNS = 80

const environment = process.env

if (isMainThread) {
  void main().then(code => {
    process.exitCode = code
  })
} else {
  serveForeignRun(workerData as ForeignRun)
}

async function main(): Promise<number> {
  const base = findBaseDirectory(environment)
  if (base.warning !== undefined) writeAll(STDERR, `${base.warning}\n`)
  const parsed = parseOptions(process.argv.slice(2))
  switch (parsed.kind) {
    case 'help':
      return print(helpText(columns()))
    case 'usage':
      writeAll(STDERR, `${usageText(columns())}os-refresh-config: error: ${parsed.message}\n`)
      return 2
    case 'options':
      break
  }
  if (parsed.options.printBase) return print(`${base.path}\n`)
  if (parsed.options.printPhases) return print(`${PHASES.join('\t')}\n`)
  return refresh(base.path, parsed.options)
}

async function refresh(base: string, options: Options): Promise<number> {
  const time = createLocalTime(environment)
  const log = createLog(options.logLevel, time)
  const foreignRunner = findForeignRunner(environment['PATH'])
  const targets = foreignRunner === undefined ? undefined : processesOfForeignRunner
  const signals = watchSignals(['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGINT', 'SIGUSR1'], [], targets)
  const locking = takeRunLock(options.lockFile)
  if (locking.kind === 'held') {
    log('ERROR', `Could not lock ${options.lockFile}. [Errno ${EAGAIN}] Resource temporarily unavailable`)
    return signals.leave(EAGAIN)
  }
  if (locking.kind === 'failed') {
    // The original's traceback knows no level.
    log('CRITICAL', `Could not ${locking.step} the lock file ${options.lockFile}. [Errno ${locking.errno}] ${locking.reason}`)
    return signals.leave(1)
  }
  // Without a limit nothing is ever killed, and nothing needs to be marked.
  const processes = options.timeout > 0 ? new RunProcesses() : undefined
  let killed = Promise.resolve()
  const limit = startTimeLimit(options.timeout, () => {
    log('ERROR', `Timeout reached: ${options.timeout}s. Sending SIGKILL to all children`)
    killed = processes?.kill() ?? killed
  })
  const closed = closedStreams()
  const streamOf = (fd: number): Stream => (closed.includes(fd) ? 'closed' : fd)
  const code = await runPhases({
    base,
    environment,
    stdio: [streamOf(0), streamOf(1), streamOf(2)],
    withheld: inheritedDescriptors(),
    log,
    say: createMessages('dib-run-parts', time),
    time,
    limit,
    mark: processes?.mark ?? {},
    onShell: pid => processes?.adopt(pid),
    whenKilled: () => killed,
    isStopped: () => signals.received() !== undefined,
    onStop: act => signals.onReceive(act),
    whenPassedOn: () => signals.whenPassedOn(),
    foreignRunner,
  })
  limit.cancel()
  processes?.release()
  locking.lock.release()
  return signals.leave(code)
}

function print(text: string): number {
  return writeAll(STDOUT, text) === undefined ? 0 : 1
}

function columns(): number {
  const wanted = Number(environment['COLUMNS'])
  return (Number.isInteger(wanted) && wanted > 0 ? wanted : (process.stdout.columns ?? FALLBACK_COLUMNS)) - 2
}
