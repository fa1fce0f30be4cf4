import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex, Readable } from 'node:stream'
import { HOST_ENV } from '../host/host-tool.ts'
import { dyingWithUs } from '../../dying-with-us.ts'

const KEEP_BYTES = 8 * 1024
/** What QEMU's NVMe says of a request that the host could not do (hw/nvme/ctrl.c, nvme_aio_err). Its monitor tells nothing. */
const DISK_FAILURE = /aio failed: (.+)\n/

export interface QemuEnd {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** The last KiB of QEMU's messages and of the guest's console. */
  readonly stderr: string
  readonly console: string
}

/** A running QEMU with its two private sockets. It dies with us, even by SIGKILL: setpriv has the kernel see to it. */
export class QemuProcess {
  readonly pid: number
  readonly channel: Duplex
  readonly qmp: Duplex
  /** Resolves when the process has ended, however. */
  readonly ended: Promise<QemuEnd>
  /** Resolves with the host's reason at the first read or write of a disk that QEMU could not do; never when all went well. */
  readonly diskFailed: Promise<string>
  readonly #child: ChildProcess

  /** `folder` takes QEMU's temporary files; `more` are open files that QEMU inherits behind its sockets. */
  constructor(argv: readonly string[], folder: string, more: readonly number[] = []) {
    this.#child = spawn('setpriv', dyingWithUs(['qemu-system-x86_64', ...argv]), {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', ...more],
      // Ctrl-C of a terminal goes to the whole foreground group; QEMU is needed until the guest is unmounted.
      detached: true,
      env: { ...HOST_ENV, TMPDIR: folder },
    })
    this.pid = this.#child.pid ?? 0
    this.channel = this.#child.stdio[3] as Duplex
    this.qmp = this.#child.stdio[4] as Duplex
    const failed = Promise.withResolvers<string>()
    this.diskFailed = failed.promise
    this.ended = this.#watch(failed.resolve)
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async #watch(onDiskFailure: (reason: string) => void): Promise<QemuEnd> {
    const console = keepEnd(this.#child.stdout!)
    const stderr = keepEnd(this.#child.stderr!, text => {
      const reason = DISK_FAILURE.exec(text)?.[1]
      if (reason !== undefined) onDiskFailure(reason)
    })
    const { promise, resolve } = Promise.withResolvers<{ exitCode: number | null; signal: NodeJS.Signals | null; error?: Error }>()
    this.#child.once('error', error => resolve({ exitCode: null, signal: null, error }))
    this.#child.once('close', (exitCode, signal) => resolve({ exitCode, signal }))
    const { error, ...end } = await promise
    return { ...end, stderr: error?.message ?? stderr(), console: console() }
  }
}

function keepEnd(stream: Readable, onText: (kept: string) => void = () => {}): () => string {
  let kept = ''
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    kept = (kept + text).slice(-KEEP_BYTES)
    onText(kept)
  })
  return () => kept.trim()
}
