import { InstarError } from '@instar/contract/errors'
import { connectTo, describeAddress, type NbdAddress, type NbdSocket } from './connect.ts'
import { shakeHands, type NbdExport } from './handshake.ts'
import { Replies, type Pending, type Question, type StatusRun } from './replies.ts'
import { COMMAND, encodeRequest } from './wire.ts'

export interface NbdTarget {
  readonly address: NbdAddress
  readonly exportName: string
  /** Metadata contexts that are wanted, as `base:allocation`. The server may give fewer. */
  readonly contexts?: readonly string[]
}

/** No server refuses a read of this size (the protocol's default limit is 32 MiB). */
export const MAX_READ_BYTES = 32 * 1024 * 1024
/** What one question for the status of blocks asks about; a multiple of every block size. */
const STATUS_BYTES = 1024 * 1024 * 1024

/** Connects to an export for reading. `nbd.lost` when nobody answers, `nbd.refused` when the server has no such export. */
export async function openNbd(target: NbdTarget, signal: AbortSignal): Promise<NbdClient> {
  const wire = await connectTo(target.address, signal)
  const stop = () => wire.socket.destroy(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  // What breaks the connection is told to who waits for an answer.
  wire.socket.on('error', () => undefined)
  try {
    const seen = await shakeHands(wire, { exportName: target.exportName, contexts: target.contexts ?? [] })
    return new NbdClient(wire, seen, describeAddress(target.address))
  } catch (error) {
    wire.socket.destroy()
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** A connection to an export. Reads may overlap; each fails with `nbd.lost` when the server goes, with `nbd.failed` on an error of its disk. */
export class NbdClient implements AsyncDisposable {
  readonly sizeBytes: number
  readonly #wire: NbdSocket
  readonly #contexts: ReadonlyMap<string, number>
  readonly #pending = new Map<bigint, Pending>()
  readonly #name: string
  #lastHandle = 0n
  #lost: InstarError | undefined

  constructor(wire: NbdSocket, seen: NbdExport, name: string) {
    this.#wire = wire
    this.#contexts = seen.contexts
    this.#name = name
    this.sizeBytes = seen.sizeBytes
    const replies = new Replies(wire.intake, this.#pending, error => this.#lose(error))
    wire.socket.on('error', cause => this.#lose(new InstarError('nbd.lost', `the NBD server at ${name} is gone`, { cause })))
    wire.socket.on('close', () => this.#lose(new InstarError('nbd.lost', `the NBD server at ${name} closed the connection`)))
    replies.start()
  }

  hasContext(name: string): boolean {
    return this.#contexts.has(name)
  }

  /** Fills `target` with the bytes from `offset` on. */
  async read(offset: number, target: Buffer): Promise<void> {
    if (target.length > MAX_READ_BYTES) throw new InstarError('internal.bug', `a read of ${target.length} bytes at once`)
    await this.#ask({ kind: 'read', offset, target }, { type: COMMAND.read, offset, length: target.length })
  }

  /** The runs of equal flags of a metadata context from `offset` on, to the end of the range; neighbours may have equal flags. */
  async *status(context: string, offset: number, length: number): AsyncGenerator<StatusRun> {
    const id = this.#contexts.get(context)
    if (id === undefined) throw new InstarError('nbd.refused', `the NBD server at ${this.#name} does not tell ${context}`)
    const end = offset + length
    for (let at = offset; at < end;) {
      const asked = Math.min(STATUS_BYTES, end - at)
      const runs: StatusRun[] = []
      await this.#ask({ kind: 'status', context: id, offset: at, runs }, { type: COMMAND.blockStatus, offset: at, length: asked })
      if (runs.length === 0) throw new InstarError('nbd.failed', `the NBD server at ${this.#name} told nothing of ${context} at ${at}`)
      for (const run of runs) {
        // The last run may reach beyond what was asked for.
        const lengthBytes = Math.min(run.lengthBytes, end - at)
        if (lengthBytes > 0) yield { offset: at, lengthBytes, flags: run.flags }
        at += lengthBytes
      }
    }
  }

  async #ask(question: Question, request: { type: number; offset: number; length: number }): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost
    this.#lastHandle += 1n
    const handle = this.#lastHandle
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#pending.set(handle, { ...question, resolve, reject })
    this.#wire.socket.write(encodeRequest({ ...request, handle }))
    await promise
  }

  #lose(error: InstarError): void {
    this.#lost ??= error
    for (const { reject } of this.#pending.values()) reject(this.#lost)
    this.#pending.clear()
    this.#wire.socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { socket } = this.#wire
    if (socket.destroyed) return
    const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
    socket.end(encodeRequest({ type: COMMAND.disconnect, handle: 0n, offset: 0, length: 0 }))
    await Promise.race([closed, new Promise(resolve => setTimeout(resolve, DISCONNECT_TIMEOUT_MS).unref())])
    socket.destroy()
  }
}

/** The server reads the farewell and closes; one that hangs is left. */
const DISCONNECT_TIMEOUT_MS = 1000
