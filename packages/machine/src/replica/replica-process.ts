import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import type { Duplex, Readable, Writable } from 'node:stream'
import { InstarError } from '@instar/contract'
import { TOOL_ENV } from '../images/host-tool.ts'
import { MONITOR_GREETING } from './monitor-events.ts'
import { MONITOR_FD, PORT_FD } from './qemu-arguments.ts'
import type { QemuEnding } from './replica-result.ts'
import { dyingWithUs } from '../dying-with-us.ts'

const STDERR_KEEP_BYTES = 16 * 1024

/** QEMU with its console, port and monitor; disposing kills it and waits until it is gone. It dies with us in any case. */
export class ReplicaProcess implements AsyncDisposable {
  readonly ended: Promise<QemuEnding>
  readonly console: Readable
  readonly port: Duplex
  readonly monitor: Duplex
  readonly #input: Writable
  readonly #child: ChildProcess

  constructor(argv: readonly string[]) {
    const child = spawn('setpriv', dyingWithUs(argv), {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
      env: TOOL_ENV,
      // Ctrl-C on a terminal is for us, and we end the machine.
      detached: true,
    })
    this.#child = child
    this.#input = child.stdin
    this.console = child.stdout
    this.port = child.stdio[PORT_FD] as Duplex
    this.monitor = child.stdio[MONITOR_FD] as Duplex
    // Each of these breaks when QEMU ends, which `ended` reports.
    for (const stream of [this.#input, this.port, this.monitor]) stream.on('error', () => undefined)
    this.ended = watchEnd(child, child.stderr, argv)
    // Awaited by who watches; until then an early end must not count as unhandled.
    this.ended.catch(() => undefined)
    this.monitor.write(MONITOR_GREETING)
  }

  type(text: string): void {
    this.#input.write(text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.ended.catch(() => undefined)
  }
}

async function watchEnd(child: ChildProcess, stderr: Readable, argv: readonly string[]): Promise<QemuEnding> {
  let said = ''
  stderr.on('data', (piece: Buffer) => (said = (said + piece.toString('utf8')).slice(-STDERR_KEEP_BYTES)))
  const [exitCode, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('close', (...ending) => resolve(ending))
    child.once('error', cause => reject(new InstarError('image.tool-missing', 'setpriv could not be started', { cause })))
  })
  if (exitCode === 127) throw new InstarError('image.tool-missing', `${argv[0]} is not installed`, { details: { stderr: said } })
  return { argv, exitCode, signal, stderr: said }
}
