import { judgeEnd } from './driver-report.ts'
import { becomeText, lightDriverText, lightShellFor, lightStartText } from './light-shell.ts'
import { childrenOf } from './process-table.ts'
import { ShellDriver } from './shell-driver.ts'
import { DRIVER_STREAMS, seriesText, startText } from './shell-text.ts'
import { WordBook } from './word-book.ts'
import type { ScriptEnd, ScriptSeries, ScriptStart, SeriesEnd, Starter, StarterLost, StarterOpening, StarterOptions } from './starter.ts'

/**
 * Starts a bash that sources the environment files and then starts scripts, one at a time, at half of what it costs Node to fork itself.
 *
 * What a file exports, `umask`, `ulimit` and redirections by `exec` reach the scripts; its shell options, its working directory and its DEBUG
 * and ERR traps do not. When this process dies, the bash waits for the running script, finds its channel closed and ends.
 */
export async function openStarter(options: StarterOptions): Promise<StarterOpening> {
  const driver = new ShellDriver(options)
  for (const file of options.environmentFiles) {
    options.onSource(file)
    // A name that begins with a hyphen would be an option of `source`.
    driver.source(file.startsWith('-') ? `./${file}` : file)
    const answer = await driver.next()
    if (answer.kind === 'sourced') continue
    if (answer.kind === 'unavailable') return answer
    return { kind: 'environment-failed', file, code: answer.kind === 'lost' ? (driver.exitCode ?? 1) : 1 }
  }
  driver.source('')
  const answer = await driver.next()
  if (answer.kind === 'unavailable') return answer
  if (answer.kind !== 'ready') {
    return { kind: 'unavailable', reason: `bash ended before the first script, with ${driver.exitCode ?? 'no'} exit code` }
  }
  return { kind: 'ready', starter: new ShellStarter(driver, options.keepsOutput === true && (await becomeLight(driver, options))) }
}

/** Lets the small shell take the place of bash, with all that bash has open and set; false where it stays. */
async function becomeLight(driver: ShellDriver, options: StarterOptions): Promise<boolean> {
  const program = lightShellFor(options)
  if (program === undefined) return false
  driver.send(becomeText(program, DRIVER_STREAMS))
  const answer = await driver.next()
  if (answer.kind !== 'becomes' || !answer.isLight) return false
  driver.send(lightDriverText())
  return (await driver.next()).kind === 'ready'
}

class ShellStarter implements Starter {
  readonly #driver: ShellDriver
  readonly #words = new WordBook()
  readonly #isLight: boolean
  #cpuBefore = 0

  constructor(driver: ShellDriver, isLight: boolean) {
    this.#driver = driver
    this.#isLight = isLight
  }

  get pid(): number {
    return this.#driver.pid
  }

  async run(script: ScriptStart): Promise<ScriptEnd | StarterLost> {
    const driver = this.#driver
    const sentAt = now()
    driver.takeNotes()
    driver.send(this.#isLight ? lightStartText(script, this.#words) : startText(script, driver.closedStreams, this.#words))
    const answer = await driver.next()
    if (answer.kind !== 'end') return answer.kind === 'lost' ? answer : { kind: 'lost', exitCode: null, signal: null }
    const cpu = driver.takeChildrenCpu() ?? this.#cpuBefore
    const cpuMs = cpu - this.#cpuBefore
    this.#cpuBefore = cpu
    return {
      kind: 'ended',
      code: answer.code,
      ...judgeEnd(answer.code, driver.takeNotes()),
      startedAt: answer.startedAt ?? sentAt,
      endedAt: answer.endedAt ?? now(),
      cpuMs,
    }
  }

  async runSeries(series: ScriptSeries): Promise<SeriesEnd> {
    const driver = this.#driver
    let startedAt = now()
    driver.takeNotes()
    driver.send(seriesText(series, driver.closedStreams))
    for (let at = 0; ; at++) {
      const name = series.names[at] ?? ''
      if (at < series.names.length) series.onStart(name)
      const answer = await driver.next()
      if (answer.kind === 'lost') return answer
      if (answer.kind === 'gone') continue
      if (answer.kind === 'series-end') return { kind: answer.isStopped ? 'stopped' : 'done' }
      if (answer.kind !== 'end') return { kind: 'lost', exitCode: null, signal: null }
      if (answer.code !== 0) return { kind: 'failed', name, code: answer.code, ...judgeEnd(answer.code, driver.takeNotes()) }
      const endedAt = answer.endedAt ?? now()
      series.onCompleted(name, (endedAt - (answer.startedAt ?? startedAt)) / 1000)
      startedAt = endedAt
    }
  }

  children(): number[] {
    return this.#driver.isGone ? [] : childrenOf(this.pid)
  }

  async close(): Promise<void> {
    this.#driver.end()
    await this.#driver.gone
  }
}

/** Milliseconds since the epoch with a fraction. */
function now(): number {
  return performance.timeOrigin + performance.now()
}
