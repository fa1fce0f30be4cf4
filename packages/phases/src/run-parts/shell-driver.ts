import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import type { Duplex, Writable } from 'node:stream'
import { parseDriverLine } from './driver-report.ts'
import type { DriverLine } from './driver-report.ts'
import { unreadableVariables } from './raw-environment.ts'
import { driverText } from './shell-text.ts'
import type { ClosedStreams } from './shell-text.ts'
import type { StarterLost, StarterOptions } from './starter.ts'

export type DriverEnd = StarterLost | { readonly kind: 'unavailable'; readonly reason: string }
/** What the driver says, or that it is gone. */
export type DriverAnswer = Exclude<DriverLine, { kind: 'note' | 'times' }> | DriverEnd

/** The bash that starts scripts, as a process and a channel: commands go in, answers come out in order. */
export class ShellDriver {
  readonly closedStreams: ClosedStreams
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>
  /** What bash itself said since the last `takeNotes`. */
  #notes: string[] = []
  /** The two lines of `times`: the shell's own time, and that of all its children so far. */
  #times: number[] = []
  readonly #child: ChildProcess
  readonly #commands: Writable
  readonly #channel: Duplex
  readonly #early: DriverAnswer[] = []
  #rest = ''
  #end: DriverEnd | undefined
  #waiting: ((answer: DriverAnswer) => void) | undefined

  constructor(options: StarterOptions) {
    const stdio = options.stdio ?? [0, 1, 2]
    this.closedStreams = [0, 1, 2].filter(fd => stdio[fd] === 'closed')
    const [stdin, stdout, stderr] = stdio.map(fd => (fd === 'closed' ? ('ignore' as const) : fd))
    this.#child = spawn('bash', ['--norc', '--noprofile', '-s'], {
      stdio: ['pipe', stdout, stderr, stdin, 'pipe'],
      env: options.environment,
      // Becomes `$0`; a leading hyphen would make a login shell.
      argv0: options.name.replace(/^-+/, ''),
    })
    // It waits for its first command.
    if (this.#child.pid !== undefined) options.onShell?.(this.#child.pid)
    this.#commands = this.#child.stdin!
    this.#channel = this.#child.stdio[4] as Duplex
    this.#channel.setEncoding('utf8')
    this.#channel.on('data', (text: string) => this.#read(text))
    // The driver may be killed at any time; its exit says so, the broken channels add nothing.
    for (const stream of [this.#channel, this.#commands]) stream.on('error', () => {})
    this.gone = new Promise(resolve => {
      const end = (how: DriverEnd) => {
        this.#end = how
        this.#waiting?.(how)
        this.#channel.destroy()
        resolve()
      }
      this.#child.once('exit', (exitCode, signal) => end({ kind: 'lost', exitCode, signal }))
      this.#child.once('error', error => end({ kind: 'unavailable', reason: error.message }))
    })
    this.#commands.write(unreadableVariables(options.environment))
    this.send(driverText({ closed: this.closedStreams, keepsTrace: options.environment['SHELLOPTS'] !== undefined }))
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get isGone(): boolean {
    return this.#end !== undefined
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

  send(command: string): void {
    if (!this.#end) this.#commands.write(command)
  }

  /** The next answer; once the driver is gone, that, again and again. */
  next(): Promise<DriverAnswer> {
    const early = this.#early.shift() ?? this.#end
    if (early) return Promise.resolve(early)
    return new Promise(resolve => {
      this.#waiting = answer => {
        this.#waiting = undefined
        resolve(answer)
      }
    })
  }

  takeNotes(): string[] {
    return this.#notes.splice(0)
  }

  /** CPU time in milliseconds of all children so far, as last reported. */
  takeChildrenCpu(): number | undefined {
    return this.#times.splice(0).at(-1)
  }

  /** Ends the driver after what it was sent. */
  end(): void {
    this.#commands.end()
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()!
    for (const line of lines.map(parseDriverLine)) {
      if (line.kind === 'note') this.#notes.push(line.text)
      else if (line.kind === 'times') this.#times.push(line.cpuMs)
      else if (this.#waiting) this.#waiting(line)
      else this.#early.push(line)
    }
  }
}
