import { BASH } from './bash.ts'
import { ChildrenTime } from './children-time.ts'
import { removeDeathWord } from './death-word.ts'
import { judgeEnd } from './driver-report.ts'
import {
  becomeText,
  environmentOfBash,
  exportedText,
  isLight,
  LIGHT_STREAMS,
  lightDriverText,
  lightShellFor,
  lightSeriesText,
  lightStartText,
} from './light-shell.ts'
import { programKind } from './program-kind.ts'
import { childrenOf } from './process-table.ts'
import { unreadableVariables } from './raw-environment.ts'
import { ShellDriver, type DriverAnswer } from './shell-driver.ts'
import { DRIVER_STREAMS, driverText, NEEDED_FILES, seriesText, startable, startText, type ClosedStreams } from './shell-text.ts'
import { sendTo } from './stop-signals.ts'
import { WordBook } from './word-book.ts'
import type { ScriptEnd, ScriptSeries, ScriptStart, SeriesEnd, Starter, StarterLost, StarterOpening, StarterOptions } from './starter.ts'

/**
 * Starts a bash that sources the environment files and then starts scripts, one at a time, at half of what it costs Node to fork itself. Where
 * nothing needs bash (any more), a smaller shell does it.
 *
 * What a file exports, `umask`, `ulimit` and redirections by `exec` reach the scripts; its shell options, its working directory and its DEBUG
 * and ERR traps do not. When this process dies, the shell waits for the running script, finds its channel closed and ends.
 */
export async function openStarter(options: StarterOptions): Promise<StarterOpening> {
  const program = lightShellFor(options)
  // The small shell cannot name descriptors above 9, to close them.
  if (program !== undefined && options.environmentFiles.length === 0 && !options.withheld?.length) {
    const environment = environmentOfBash(options.environment)
    const opening = environment === undefined ? undefined : await openLight(program, { ...options, environment })
    if (opening !== undefined) return opening
  }
  const closed = closedOf(options)
  const driver = startBash(options, closed)
  for (const file of options.environmentFiles) {
    options.onSource(file)
    // A name that begins with a hyphen would be an option of `source`.
    driver.source(startable(file))
    const answer = await driver.next()
    if (answer.kind === 'sourced') continue
    if (answer.kind === 'unavailable' || answer.kind === 'not-ready') return whyUnavailable(driver, answer)
    return { kind: 'environment-failed', file, code: answer.kind === 'lost' ? (driver.exitCode ?? 1) : 1 }
  }
  driver.source('')
  const failure = await whyNotReady(driver)
  if (failure !== undefined) return failure
  if (program === undefined || !(await mayBecomeLight(driver)))
    return { kind: 'ready', starter: new ShellStarter(driver, bashTexts(closed)) }
  driver.send(becomeText(program, DRIVER_STREAMS))
  return (await readyLight(driver)) ?? { kind: 'unavailable', reason: 'the kernel has ceased to count what processes write' }
}

/** Where bash finds the channel at first. */
const BASH_CHANNEL = 4

function startBash(options: StarterOptions, closed: ClosedStreams): ShellDriver {
  const [stdin, stdout, stderr] = streamsOf(options)
  const { name, environment, withheld = [], onShell } = options
  const [words, stdio] = [
    ['--norc', '--noprofile', '-s'],
    ['pipe' as const, stdout, stderr, stdin, 'pipe' as const],
  ]
  const driver = new ShellDriver({ program: BASH, words, name, environment, stdio, channel: BASH_CHANNEL, onShell })
  driver.send(unreadableVariables(environment))
  driver.send(driverText({ closed, withheld, keepsTrace: environment['SHELLOPTS'] !== undefined }))
  return driver
}

function openLight(program: string, options: StarterOptions): Promise<StarterOpening | undefined> {
  const { name, environment, onShell } = options
  const unused = Array<'ignore'>(LIGHT_STREAMS[0] - 2).fill('ignore')
  const stdio = ['pipe' as const, 'pipe' as const, ...unused, ...streamsOf(options)]
  return readyLight(new ShellDriver({ program, words: ['-s'], name, environment, stdio, channel: 1, onShell }))
}

/** `undefined` where nothing tells the small shell of its scripts how they died. */
async function readyLight(driver: ShellDriver): Promise<StarterOpening | undefined> {
  driver.send(lightDriverText())
  const answer = await driver.next()
  if (answer.kind === 'ready') return { kind: 'ready', starter: new ShellStarter(driver, LIGHT_TEXTS, new ChildrenTime(driver.pid)) }
  if (answer.kind !== 'not-ready') return whyUnavailable(driver, answer)
  driver.end()
  await driver.gone
  return undefined
}

async function whyNotReady(driver: ShellDriver): Promise<Unavailable | undefined> {
  const answer = await driver.next()
  return answer.kind === 'ready' ? undefined : whyUnavailable(driver, answer)
}

type Unavailable = Extract<StarterOpening, { kind: 'unavailable' }>

function whyUnavailable(driver: ShellDriver, answer: DriverAnswer): Unavailable {
  driver.end()
  if (answer.kind === 'unavailable') return answer
  if (answer.kind === 'not-ready') return { kind: 'unavailable', reason: `the limit of open files (ulimit -n) is below ${NEEDED_FILES}` }
  return { kind: 'unavailable', reason: `the shell ended before the first script, with ${driver.exitCode ?? 'no'} exit code` }
}

/** Whether a bash that has sourced the environment files has nothing that would be lost with it. */
async function mayBecomeLight(driver: ShellDriver): Promise<boolean> {
  driver.takeNotes()
  driver.send(exportedText(DRIVER_STREAMS.channel))
  return (await driver.next()).kind === 'exported' && isLight(driver.takeNotes())
}

/** A shell's code for a process that died of the signal 0. */
const SIGNALS_FROM = 128

/** What a kind of shell is told to do its work. */
interface ShellTexts {
  readonly start: (script: ScriptStart, words: WordBook) => string
  readonly series: (series: ScriptSeries) => string
}

const LIGHT_TEXTS: ShellTexts = { start: lightStartText, series: lightSeriesText }

function bashTexts(closed: ClosedStreams): ShellTexts {
  return { start: (script, words) => startText(script, closed, words), series: series => seriesText(series, closed) }
}

class ShellStarter implements Starter {
  readonly #driver: ShellDriver
  readonly #texts: ShellTexts
  readonly #words = new WordBook()
  readonly #time: ChildrenTime | undefined
  #cpuBefore = 0
  #nextSecond: NodeJS.Timeout | undefined

  /** `time`: of a shell that does not tell it itself. */
  constructor(driver: ShellDriver, texts: ShellTexts, time?: ChildrenTime) {
    this.#driver = driver
    this.#texts = texts
    this.#time = time
  }

  get pid(): number {
    return this.#driver.pid
  }

  async run(script: ScriptStart): Promise<ScriptEnd | StarterLost> {
    const driver = this.#driver
    const sentAt = now()
    driver.takeNotes()
    driver.send(this.#texts.start(script, this.#words))
    const answer = await driver.next()
    if (answer.kind !== 'end') return answer.kind === 'lost' ? answer : UNKNOWN
    if (answer.hasDied && script.stderr !== undefined) removeDeathWord(script.stderr, answer.code - SIGNALS_FROM)
    const cpu = this.#time?.read() ?? driver.takeChildrenCpu() ?? this.#cpuBefore
    const cpuMs = cpu - this.#cpuBefore
    this.#cpuBefore = cpu
    return {
      kind: 'ended',
      code: answer.code,
      ...judgeEnd(answer.code, driver.takeNotes(), answer.hasDied),
      startedAt: answer.startedAt ?? sentAt,
      endedAt: answer.endedAt ?? now(),
      cpuMs,
    }
  }

  async runSeries(series: ScriptSeries): Promise<SeriesEnd> {
    const driver = this.#driver
    let startedAt = now()
    driver.takeNotes()
    driver.send(this.#texts.series(series))
    for (let at = 0; ; at++) {
      const name = series.names[at] ?? ''
      if (at < series.names.length) series.onStart(name)
      const answer = await this.#nextOf(series, name)
      if (answer.kind === 'lost') return answer
      if (answer.kind === 'gone') continue
      if (answer.kind === 'series-end') return { kind: answer.isStopped ? 'stopped' : 'done' }
      if (answer.kind !== 'end') return UNKNOWN
      if (answer.code !== 0) {
        return { kind: 'failed', name, code: answer.code, ...judgeEnd(answer.code, driver.takeNotes(), answer.hasDied) }
      }
      const endedAt = answer.endedAt ?? now()
      series.onCompleted(name, (endedAt - (answer.startedAt ?? startedAt)) / 1000)
      startedAt = endedAt
    }
  }

  /** What becomes of a script of a series; on the way its shell may ask. */
  async #nextOf({ directory, time }: ScriptSeries, name: string): Promise<DriverAnswer> {
    const driver = this.#driver
    for (;;) {
      const answer = await driver.next()
      if (answer.kind === 'asks-kind') driver.send(`${programKind(`${directory}/${name}`)}\n`)
      else if (answer.kind === 'asks-date') driver.send(`${time.date(new Date())}\n`)
      else if (answer.kind === 'ready') this.#tellNextSecond()
      else return answer
    }
  }

  /** Tells the shell when the second is over whose date it has. */
  #tellNextSecond(): void {
    clearTimeout(this.#nextSecond)
    this.#nextSecond = setTimeout(() => sendTo([this.pid], 'SIGUSR2'), 1000 - (Date.now() % 1000))
    this.#nextSecond.unref()
  }

  endSeries(): void {
    sendTo([this.pid], 'SIGUSR1')
  }

  children(): number[] {
    return this.#driver.isGone ? [] : childrenOf(this.pid)
  }

  async close(): Promise<void> {
    clearTimeout(this.#nextSecond)
    this.#time?.close()
    this.#driver.end()
    await this.#driver.gone
  }
}

/** Of a shell that says what it was not asked. */
const UNKNOWN: StarterLost = { kind: 'lost', exitCode: null, signal: null }

/** What a shell gets for stdin, stdout and stderr; those that are closed it closes itself. */
function streamsOf({ stdio = [0, 1, 2] }: StarterOptions): (number | 'ignore')[] {
  return stdio.map(fd => (fd === 'closed' ? 'ignore' : fd))
}

function closedOf({ stdio }: StarterOptions): ClosedStreams {
  return (stdio ?? []).flatMap((fd, index) => (fd === 'closed' ? [index] : []))
}

/** Milliseconds since the epoch with a fraction. */
function now(): number {
  return performance.timeOrigin + performance.now()
}
