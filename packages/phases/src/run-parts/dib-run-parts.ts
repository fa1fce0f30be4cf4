// The program dib-run-parts: a drop-in for the bash script of that name; docs/reference/refresh.md says what it does.
import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { createLocalTime } from './local-time.ts'
import { createMessages, usageText } from './messages.ts'
import { runParts } from './run-parts.ts'
import { selectScripts } from './select.ts'
import { closedStreams } from './standard-streams.ts'
import { watchSignals } from './stop-signals.ts'
import { writeAll } from './write-all.ts'

const [STDOUT, STDERR] = [1, 2]
/** What a shell sees of a program that wrote to a pipe without a reader. */
const DIED_OF_SIGPIPE = 141

const name = basename(process.argv[1] ?? 'dib-run-parts')
const words = process.argv.slice(2)
const environment = process.env
const time = createLocalTime(environment)
const say = createMessages(name, time)
void main().then(code => {
  process.exitCode = code
})

async function main(): Promise<number> {
  if (words[0] === '--help' || words[0] === '-h') return print(usageText(name))
  const isListFirst = words[0] === '--list'
  const directory = words[isListFirst ? 1 : 0]
  if (directory === undefined || !isDirectory(directory)) {
    if (words.length > 0) say(`Scripts directory [${directory ?? ''}] must exist and be a directory`)
    writeAll(STDERR, usageText(name))
    return 1
  }
  return isListFirst || words.includes('--list', 1) ? list(directory) : run(directory)
}

function list(directory: string): number {
  const selection = selectScripts(directory, environment)
  if (selection.kind === 'selected') return print(selection.scripts.map(script => `${directory}/${script}\n`).join(''))
  say(
    selection.kind === 'unreadable'
      ? `Cannot read scripts directory [${selection.path}]: ${selection.reason}`
      : `RUN_PARTS_REGEX [${selection.rule}] is refused: ${selection.reason}`,
  )
  return 1
}

async function run(directory: string): Promise<number> {
  const signals = watchSignals(['SIGTERM', 'SIGHUP', 'SIGUSR1'], ['SIGINT', 'SIGQUIT'])
  const closed = closedStreams()
  const [stdin, stdout, stderr] = [0, 1, 2].map(fd => (closed.includes(fd) ? ('closed' as const) : fd)) as [0, 1, 2]
  const end = await runParts({
    directory,
    environment,
    name,
    stdio: [stdin, stdout, stderr],
    say,
    time,
    isStopped: () => signals.received() !== undefined,
    onStop: act => signals.onReceive(act),
  })
  switch (end.kind) {
    case 'done':
      return signals.leave(0)
    case 'failed':
      return signals.leave(end.code)
    case 'stopped':
      return signals.leave(1)
    case 'lost':
      say(`The shell that starts the scripts is gone (${end.signal ?? end.exitCode})`)
      return signals.leave(1)
  }
}

function print(text: string): number {
  const error = writeAll(STDOUT, text)
  if (error === undefined) return 0
  return error === 'EPIPE' ? DIED_OF_SIGPIPE : 1
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
