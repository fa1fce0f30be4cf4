import { InstarError } from '@instar/contract'
import { WINDOW_BYTES } from './messages.ts'

const TAIL_BYTES = 4096
/** Credit goes back in lumps: a frame for each piece would double the traffic. */
const GRANT_BYTES = WINDOW_BYTES / 4

interface OutputStreamOptions {
  readonly onPiece: ((piece: Buffer) => void | Promise<void>) | undefined
  /** Allows the agent that many bytes more. */
  readonly grant: (bytes: number) => void
  /** Called once when `onPiece` throws. */
  readonly onError: (error: unknown) => void
}

/** One output stream of a command on the host: hands pieces over one after the other and grants credit for what was taken. */
export class OutputStream {
  bytes = 0
  readonly #options: OutputStreamOptions
  readonly #queue: Buffer[] = []
  #queuedBytes = 0
  #takenBytes = 0
  #tail: Buffer[] = []
  #tailBytes = 0
  #pumping: Promise<void> = Promise.resolve()
  #isPumping = false
  #isStopped = false

  constructor(options: OutputStreamOptions) {
    this.#options = options
  }

  /** Takes what the agent sent. More than the window is a broken agent (`machine.bad-frame`). */
  push(piece: Buffer): void {
    this.#queuedBytes += piece.length
    if (this.#queuedBytes + this.#takenBytes > WINDOW_BYTES) {
      throw new InstarError('machine.bad-frame', `the agent sent more than the ${WINDOW_BYTES} bytes it may`)
    }
    this.bytes += piece.length
    this.#keepTail(piece)
    this.#queue.push(piece)
    if (!this.#isPumping) this.#pumping = this.#pump()
  }

  /** Resolves when all that was pushed is taken. */
  async drained(): Promise<void> {
    await this.#pumping
  }

  /** Takes nothing more: the command is cancelled or lost. */
  stop(): void {
    this.#isStopped = true
  }

  tail(): string {
    return Buffer.concat(this.#tail).subarray(-TAIL_BYTES).toString('utf8')
  }

  async #pump(): Promise<void> {
    this.#isPumping = true
    try {
      for (let piece = this.#queue.shift(); piece !== undefined && !this.#isStopped; piece = this.#queue.shift()) {
        const taken = this.#options.onPiece?.(piece)
        if (taken !== undefined) await taken
        this.#take(piece.length)
      }
    } catch (error) {
      this.#isStopped = true
      this.#options.onError(error)
    } finally {
      this.#isPumping = false
    }
  }

  #take(bytes: number): void {
    this.#queuedBytes -= bytes
    this.#takenBytes += bytes
    if (this.#takenBytes < GRANT_BYTES) return
    this.#options.grant(this.#takenBytes)
    this.#takenBytes = 0
  }

  #keepTail(piece: Buffer): void {
    // A copy of the end: the piece itself would keep its whole frame alive.
    const end = Buffer.from(piece.subarray(-TAIL_BYTES))
    this.#tail.push(end)
    this.#tailBytes += end.length
    while (this.#tailBytes - this.#tail[0]!.length >= TAIL_BYTES) this.#tailBytes -= this.#tail.shift()!.length
  }
}
