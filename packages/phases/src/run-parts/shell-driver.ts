import { spawn } from 'node:child_process'
import type { ChildProcess, StdioOptions } from 'node:child_process'
import { constants } from 'node:os'
import type { Duplex, Writable } from 'node:stream'
import { parseDriverLine } from './driver-report.ts'
import type { DriverLine } from './driver-report.ts'
import type { StarterLost } from './starter.ts'

/** A shell that is to read commands from its stdin. */
export interface DriverStart {
  readonly program: string
  readonly words: readonly string[]
  /** Becomes `$0`. */
  readonly name: string
  readonly environment: NodeJS.ProcessEnv
  /** Its first is a pipe. */
  readonly stdio: StdioOptions
  /** The descriptor of its answers, a pipe as well. */
  readonly channel: number
  /** Told of the process before it does anything. */
  readonly onShell?: ((pid: number) => void) | undefined
}

export type DriverEnd = StarterLost | { readonly kind: 'unavailable'; readonly reason: string }
/** What the driver says, or that it is gone. */
export type DriverAnswer = Exclude<DriverLine, { kind: 'note' | 'times' }> | DriverEnd

/** The shell that starts scripts, as a process and a channel: commands go in, answers come out in order. */
export class ShellDriver {
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>
  /** What the shell itself said since the last `takeNotes`. */
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

  constructor({ program, words, name, environment, stdio, channel, onShell }: DriverStart) {
    // A leading hyphen would make a login shell.
    this.#child = spawn(program, words, { stdio, env: environment, argv0: name.replace(/^-+/, '') })
    // It waits for its first command.
    if (this.#child.pid !== undefined) onShell?.(this.#child.pid)
    this.#commands = this.#child.stdin!
    this.#channel = this.#child.stdio[channel] as Duplex
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
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get isGone(): boolean {
    return this.#end !== undefined
  }

  /** What a caller's shell would see of the shell that has ended. */
  get exitCode(): number | undefined {
    if (this.#end?.kind !== 'lost') return undefined
    const { exitCode, signal } = this.#end
    return exitCode ?? (signal ? 128 + constants.signals[signal] : 1)
  }

  /** Names an environment file to source; the empty name ends their list. */
  source(file: string): void {
    if (!this.#end) this.#channel.write(`${file}\0`)
  }

  send(command: string | Buffer): void {
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
