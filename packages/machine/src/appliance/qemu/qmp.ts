import type { Duplex } from 'node:stream'
import { InstarError } from '@instar/contract'
import { orAborted } from '../or-aborted.ts'
import { whenBroken } from '../when-broken.ts'

/** An answer is a few KiB; QEMU is ours, but its memory is shared with a hostile guest. */
const LINE_MAX_BYTES = 4 * 1024 * 1024

interface QmpMessage {
  readonly QMP?: unknown
  readonly id?: number
  readonly return?: unknown
  readonly error?: { readonly class: string; readonly desc: string }
  readonly event?: string
  readonly data?: Readonly<Record<string, unknown>>
}

type EventMatch = (data: Readonly<Record<string, unknown>>) => boolean

/** QEMU's monitor protocol over a socket: commands one by one, events to those who wait. Failing commands throw `machine.qmp`. */
export class Qmp {
  readonly #socket: Duplex
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>()
  readonly #waiters = new Set<{ event: string; match: EventMatch; found: PromiseWithResolvers<void> }>()
  readonly #ready: Promise<unknown>
  #text = ''
  #lastId = 0
  #lost: Error | undefined

  constructor(socket: Duplex) {
    this.#socket = socket
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => this.#onText(text))
    whenBroken(socket, cause => this.lose(new InstarError('machine.lost', "the connection to QEMU's monitor broke", { cause })))
    this.#ready = this.#call('qmp_capabilities', {})
    this.#ready.catch(() => {})
  }

  async execute(command: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<unknown> {
    await orAborted(this.#ready, signal)
    return await orAborted(this.#call(command, args), signal)
  }

  /** Resolves at the next event of that name that fits; call it before the command that causes the event. */
  async event(name: string, match: EventMatch, signal: AbortSignal): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost
    const waiter = { event: name, match, found: Promise.withResolvers<void>() }
    this.#waiters.add(waiter)
    try {
      await orAborted(waiter.found.promise, signal)
    } finally {
      this.#waiters.delete(waiter)
    }
  }

  lose(error: Error): void {
    if (this.#lost !== undefined) return
    this.#lost = error
    this.#socket.destroy()
    for (const call of this.#calls.values()) call.reject(error)
    for (const waiter of this.#waiters) waiter.found.reject(error)
    this.#calls.clear()
  }

  async #call(command: string, args: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#lost !== undefined) throw this.#lost
    this.#lastId += 1
    const call = Promise.withResolvers<unknown>()
    this.#calls.set(this.#lastId, call)
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id: this.#lastId })}\n`)
    try {
      return await call.promise
    } catch (error) {
      if (error instanceof InstarError) throw error
      throw new InstarError('machine.qmp', `QEMU refused ${command}`, { cause: error, details: { command, args } })
    }
  }

  #onText(text: string): void {
    this.#text += text
    const lines = this.#text.split('\n')
    this.#text = lines.pop() ?? ''
    try {
      if (this.#text.length > LINE_MAX_BYTES) throw new Error(`a line of more than ${LINE_MAX_BYTES} bytes`)
      for (const line of lines) this.#onMessage(JSON.parse(line) as QmpMessage)
    } catch (error) {
      this.lose(new InstarError('machine.lost', "QEMU's monitor does not keep to the protocol", { cause: error }))
    }
  }

  #onMessage(message: QmpMessage): void {
    if (message.event !== undefined) {
      for (const waiter of this.#waiters) if (waiter.event === message.event && waiter.match(message.data ?? {})) waiter.found.resolve()
    } else if (message.id !== undefined) {
      const call = this.#calls.get(message.id)
      this.#calls.delete(message.id)
      if (message.error === undefined) call?.resolve(message.return)
      else call?.reject(new Error(message.error.desc))
    }
  }
}
