import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { constants } from 'node:os'
import type { Duplex, Writable } from 'node:stream'
import { judgeEnd, parseDriverLine } from './driver-report.ts'
import type { DriverLine } from './driver-report.ts'
import { childrenOf } from './process-table.ts'
import { driverText, returnText, startText } from './shell-text.ts'
import { WordBook } from './word-book.ts'
import type { ScriptEnd, ScriptStart, Starter, StarterLost, StarterOpening, StarterOptions } from './starter.ts'

/**
 * Starts a bash that sources the environment files and then starts scripts, one at a time, at a third of what it costs Node to fork itself.
 *
 * What a file exports, `umask`, `ulimit` and redirections by `exec` reach the scripts; its shell options, its working directory and its DEBUG
 * and ERR traps do not. When this process dies, the bash waits for the running script, reads the end of its channel and ends.
 */
export async function openStarter(options: StarterOptions): Promise<StarterOpening> {
  const driver = new Driver(options)
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
  if (answer.kind !== 'ready')
    return { kind: 'unavailable', reason: `bash ended before the first script, with ${driver.exitCode ?? 'no'} exit code` }
  driver.restoreFolder()
  return { kind: 'ready', starter: driver }
}

type DriverEnd = StarterLost | { readonly kind: 'unavailable'; readonly reason: string }
type Answer = Exclude<DriverLine, { kind: 'note' | 'times' }> | DriverEnd

class Driver implements Starter {
  readonly #environment: StarterOptions['environment']
  readonly #child: ChildProcess
  readonly #commands: Writable
  readonly #channel: Duplex
  readonly #scriptsClosed: readonly number[]
  readonly #words = new WordBook()
  readonly #closed: Promise<void>
  #rest = ''
  #notes: string[] = []
  /** The two lines of `times`: the shell's own time, and that of all its children so far. */
  #cpu: number[] = []
  #cpuBefore = 0
  #end: DriverEnd | undefined
  #waiting: ((answer: Answer) => void) | undefined
  readonly #early: Answer[] = []

  constructor(options: StarterOptions) {
    this.#environment = options.environment
    const stdio = options.stdio ?? [0, 1, 2]
    this.#scriptsClosed = [0, 1, 2].filter(fd => stdio[fd] === 'closed')
    const [stdin, stdout, stderr] = stdio.map(fd => (fd === 'closed' ? ('ignore' as const) : fd)) as ['ignore' | number, ...number[]]
    this.#child = spawn('bash', ['--norc', '--noprofile', '-s'], {
      stdio: ['pipe', stdout, stderr, stdin, 'pipe'],
      env: options.environment,
      // Becomes `$0`; a leading hyphen would make a login shell.
      argv0: options.name.replace(/^-+/, ''),
    })
    this.#commands = this.#child.stdin!
    this.#channel = this.#child.stdio[4] as Duplex
    this.#channel.setEncoding('utf8')
    this.#channel.on('data', (text: string) => this.#read(text))
    this.#commands.write(driverText({ closed: this.#scriptsClosed, keepsTrace: options.environment['SHELLOPTS'] !== undefined }))
    this.#commands.on('error', () => {})
    // The driver may be killed at any time; its exit says so, the broken channel adds nothing.
    this.#channel.on('error', () => {})
    this.#closed = new Promise(resolve => {
      const gone = (end: DriverEnd) => {
        this.#end = end
        this.#waiting?.(end)
        this.#channel.destroy()
        resolve()
      }
      this.#child.once('exit', (exitCode, signal) => gone({ kind: 'lost', exitCode, signal }))
      this.#child.once('error', error => gone({ kind: 'unavailable', reason: error.message }))
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** What a caller's shell would see of the bash that has ended. */
  get exitCode(): number | undefined {
    if (this.#end?.kind !== 'lost') return undefined
    const { exitCode, signal } = this.#end
    return exitCode ?? (signal ? 128 + constants.signals[signal] : 1)
  }

  /** Names an environment file to source; the empty name ends their list. */
  source(file: string): void {
    if (!this.#end) this.#channel.write(`${file}\0`)
  }

  #send(command: string): void {
    if (!this.#end) this.#commands.write(command)
  }

  next(): Promise<Answer> {
    const early = this.#early.shift() ?? this.#end
    if (early) return Promise.resolve(early)
    return new Promise(resolve => {
      this.#waiting = answer => {
        this.#waiting = undefined
        resolve(answer)
      }
    })
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()!
    for (const line of lines.map(parseDriverLine)) {
      if (line.kind === 'note') this.#notes.push(line.text)
      else if (line.kind === 'times') this.#cpu.push(line.cpuMs)
      else if (this.#waiting) this.#waiting(line)
      else this.#early.push(line)
    }
  }

  /** An environment file may have gone elsewhere; the scripts start where the caller is. */
  restoreFolder(): void {
    if (readlinkSync('/proc/self/cwd') === readlinkSync(`/proc/${this.pid}/cwd`)) return
    this.#send(returnText(process.pid, { PWD: this.#environment['PWD'], OLDPWD: this.#environment['OLDPWD'] }))
  }

  async run(script: ScriptStart): Promise<ScriptEnd | StarterLost> {
    const sentAt = now()
    this.#notes = []
    this.#cpu = []
    this.#send(startText(script, this.#scriptsClosed, this.#words))
    const answer = await this.next()
    if (answer.kind !== 'end') return answer.kind === 'lost' ? answer : { kind: 'lost', exitCode: null, signal: null }
    const cpu = this.#cpu[1] ?? this.#cpuBefore
    const cpuMs = cpu - this.#cpuBefore
    this.#cpuBefore = cpu
    return {
      kind: 'ended',
      code: answer.code,
      ...judgeEnd(answer.code, this.#notes),
      startedAt: answer.startedAt ?? sentAt,
      endedAt: answer.endedAt ?? now(),
      cpuMs,
    }
  }

  children(): number[] {
    return this.#end ? [] : childrenOf(this.pid)
  }

  async close(): Promise<void> {
    this.#commands.end()
    await this.#closed
  }
}

/** Milliseconds since the epoch with a fraction. */
function now(): number {
  return performance.timeOrigin + performance.now()
}
