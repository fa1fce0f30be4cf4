import type { Duplex } from 'node:stream'
import { InstarError } from '@instar/contract'
import type { Survivor } from '../../machine.ts'
import { whenBroken } from '../when-broken.ts'
import { type Frame, FrameDecoder } from './frames.ts'
import {
  type CommandEnd,
  type CommandRequest,
  FROM_AGENT,
  GREETING,
  decodeCredit,
  decodeEnd,
  decodeSurvivors,
  encodeEndKept,
  encodeRun,
} from './messages.ts'

/** What a command on the channel is told. Each method must return at once. */
export interface CommandListener {
  onOutput(stream: 'stdout' | 'stderr', piece: Buffer): void
  onStdinCredit(bytes: number): void
  onEnd(end: CommandEnd): void
  onLost(error: Error): void
}

/** The host's end of the connection to the agent: many commands over one socket, each with its own number. */
export class Channel {
  /** Resolves at the agent's greeting, rejects when the channel is lost before. */
  readonly ready: Promise<void>
  readonly #socket: Duplex
  readonly #decoder = new FrameDecoder(Object.values(FROM_AGENT))
  readonly #commands = new Map<number, CommandListener>()
  readonly #keptRequests = new Map<number, PromiseWithResolvers<Survivor[]>>()
  readonly #greeting = Promise.withResolvers<void>()
  #lastId = 0
  #lost: Error | undefined

  constructor(socket: Duplex) {
    this.#socket = socket
    this.ready = this.#greeting.promise
    // Whoever opens the channel awaits it; a loss before that must not end the process.
    this.ready.catch(() => {})
    socket.on('data', (bytes: Buffer) => this.#onBytes(bytes))
    whenBroken(socket, cause => this.lose(new InstarError('machine.lost', 'the channel to the appliance broke', { cause })))
  }

  /** Starts a command and gives its number; what happens to it reaches the listener. */
  start(request: CommandRequest, listener: CommandListener): number {
    if (this.#lost !== undefined) throw this.#lost
    const id = this.#nextId()
    this.send(encodeRun(id, request))
    this.#commands.set(id, listener)
    return id
  }

  send(frame: Buffer): void {
    if (this.#lost === undefined) this.#socket.write(frame)
  }

  /** Ends all processes that earlier commands left and were told to keep. */
  async endKept(): Promise<Survivor[]> {
    if (this.#lost !== undefined) throw this.#lost
    const id = this.#nextId()
    const answer = Promise.withResolvers<Survivor[]>()
    this.#keptRequests.set(id, answer)
    this.send(encodeEndKept(id))
    return await answer.promise
  }

  /** Ends everything that waits, with this error; the first one counts. */
  lose(error: Error): void {
    if (this.#lost !== undefined) return
    this.#lost = error
    this.#socket.destroy()
    this.#greeting.reject(error)
    for (const listener of this.#commands.values()) listener.onLost(error)
    for (const request of this.#keptRequests.values()) request.reject(error)
    this.#commands.clear()
    this.#keptRequests.clear()
  }

  #nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }

  #onBytes(bytes: Buffer): void {
    if (this.#lost !== undefined) return
    try {
      for (const frame of this.#decoder.push(bytes)) this.#onFrame(frame)
    } catch (error) {
      this.lose(new InstarError('machine.lost', 'the appliance does not keep to the protocol', { cause: error }))
    }
  }

  #onFrame({ type, id, payload }: Frame): void {
    if (type === FROM_AGENT.hello) return this.#onHello(payload)
    if (type === FROM_AGENT.kept) return this.#onKept(id, payload)
    const command = this.#commands.get(id)
    if (command === undefined) throw new InstarError('machine.bad-frame', `a frame of type ${type} for command ${id}, which is unknown`)
    if (type === FROM_AGENT.stdout) return command.onOutput('stdout', payload)
    if (type === FROM_AGENT.stderr) return command.onOutput('stderr', payload)
    if (type === FROM_AGENT.stdinCredit) return command.onStdinCredit(decodeCredit(payload))
    // Read before it is crossed out: one that cannot be read loses the channel, and the command must hear of that.
    const end = decodeEnd(payload)
    this.#commands.delete(id)
    command.onEnd(end)
  }

  #onHello(payload: Buffer): void {
    const greeting = payload.toString('latin1')
    if (greeting !== GREETING) throw new InstarError('machine.bad-frame', `the agent greets with "${greeting}", not "${GREETING}"`)
    this.#greeting.resolve()
  }

  #onKept(id: number, payload: Buffer): void {
    this.#keptRequests.get(id)?.resolve(decodeSurvivors(payload))
    this.#keptRequests.delete(id)
  }
}
