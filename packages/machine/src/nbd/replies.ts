import { InstarError } from '@instar/contract/errors'
import type { Intake } from './intake.ts'
import {
  REPLY,
  REPLY_ERROR_BIT,
  REPLY_FLAG_DONE,
  SIMPLE_REPLY_BYTES,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_BYTES,
  STRUCTURED_REPLY_MAGIC,
} from './wire.ts'

/** A stretch of the disk with flags of a metadata context. */
export interface StatusRun {
  readonly offset: number
  readonly lengthBytes: number
  readonly flags: number
}

/** What was asked. */
export type Question =
  | { readonly kind: 'read'; readonly offset: number; readonly target: Buffer }
  | { readonly kind: 'status'; readonly context: number; readonly offset: number; readonly runs: StatusRun[] }

/** A question that waits for its answer, which may come in several pieces. */
export type Pending = Question & {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  failure?: InstarError
  /** How much of what was asked for has come. */
  cameBytes?: number
}

/** Status runs of one answer, or the text of an error; data of reads goes straight to its place and has no limit here. */
const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024
const RUN_BYTES = 8

/** Reads the replies of a server one after another and hands them to the questions; whatever is not the protocol ends the connection. */
export class Replies {
  readonly #intake: Intake
  readonly #pending: Map<bigint, Pending>
  readonly #onBroken: (error: InstarError) => void
  readonly #head = Buffer.alloc(STRUCTURED_REPLY_BYTES)

  constructor(intake: Intake, pending: Map<bigint, Pending>, onBroken: (error: InstarError) => void) {
    this.#intake = intake
    this.#pending = pending
    this.#onBroken = onBroken
  }

  /** Waits for the next reply. */
  start(): void {
    // A simple reply is the shorter one: its length is read first.
    this.#intake.expect(this.#head.subarray(0, SIMPLE_REPLY_BYTES), () => this.#readHead())
  }

  #readHead(): void {
    const magic = this.#head.readUInt32BE(0)
    if (magic === SIMPLE_REPLY_MAGIC) return this.#readSimple()
    if (magic !== STRUCTURED_REPLY_MAGIC) return this.#break('the beginning of a reply is not one')
    this.#intake.expect(this.#head.subarray(SIMPLE_REPLY_BYTES), () => this.#readStructured())
  }

  #readSimple(): void {
    const errno = this.#head.readUInt32BE(4)
    const handle = this.#head.readBigUInt64BE(8)
    const question = this.#pending.get(handle)
    if (question === undefined || errno === 0) return this.#break('a simple reply came where a structured one is due')
    question.failure = diskFailure(errno, '')
    this.#finish(handle, question)
    this.start()
  }

  #readStructured(): void {
    const [flags, type, handle, length] = [
      this.#head.readUInt16BE(4),
      this.#head.readUInt16BE(6),
      this.#head.readBigUInt64BE(8),
      this.#head.readUInt32BE(16),
    ]
    const question = this.#pending.get(handle)
    if (question === undefined) return this.#break('a reply came to nothing that was asked')
    const done = () => {
      if ((flags & REPLY_FLAG_DONE) !== 0) this.#finish(handle, question)
      this.start()
    }
    if (type === REPLY.offsetData) return this.#readData(question, length, done)
    if (length > MAX_PAYLOAD_BYTES) return this.#break(`a reply of ${length} bytes`)
    const payload = Buffer.alloc(length)
    this.#intake.expect(payload, () => {
      const wrong = takePayload(question, type, payload)
      if (wrong === undefined) done()
      else this.#break(wrong)
    })
  }

  #readData(question: Pending, length: number, done: () => void): void {
    if (question.kind !== 'read' || length < 9) return this.#break('data came where none was asked for')
    const place = Buffer.alloc(8)
    this.#intake.expect(place, () => {
      const target = placeIn(question, Number(place.readBigUInt64BE()), length - 8)
      if (target === undefined) this.#break('data came for a place that was not asked for')
      else this.#intake.expect(target, done)
    })
  }

  #finish(handle: bigint, question: Pending): void {
    this.#pending.delete(handle)
    if (question.failure === undefined && question.kind === 'read' && question.cameBytes !== question.target.length)
      question.failure = new InstarError(
        'nbd.lost',
        `the NBD server breaks the protocol: it gave ${question.cameBytes ?? 0} of ${question.target.length} bytes`,
      )
    if (question.failure === undefined) question.resolve()
    else question.reject(question.failure)
  }

  #break(why: string): void {
    this.#onBroken(new InstarError('nbd.lost', `the NBD server breaks the protocol: ${why}`))
  }
}

/** Puts all but data where it belongs; gives what is wrong with it, if something is. */
function takePayload(question: Pending, type: number, payload: Buffer): string | undefined {
  if (type === REPLY.none) return payload.length === 0 ? undefined : 'an empty reply is not empty'
  if ((type & REPLY_ERROR_BIT) !== 0) {
    if (payload.length < 6) return 'an error without a number'
    question.failure ??= diskFailure(payload.readUInt32BE(0), payload.toString('utf8', 6, 6 + payload.readUInt16BE(4)))
    return undefined
  }
  if (type === REPLY.offsetHole && question.kind === 'read' && payload.length === 12) {
    const hole = placeIn(question, Number(payload.readBigUInt64BE(0)), payload.readUInt32BE(8))
    hole?.fill(0)
    return hole === undefined ? 'a hole at a place that was not asked for' : undefined
  }
  if (type === REPLY.blockStatus && question.kind === 'status') return takeRuns(question, payload)
  return `a reply of the type ${type}`
}

function takeRuns(question: Pending & { kind: 'status' }, payload: Buffer): string | undefined {
  if (payload.length < 4 + RUN_BYTES || (payload.length - 4) % RUN_BYTES !== 0) return 'a status of a wrong length'
  // Of the contexts that were agreed on, each answers by itself.
  if (payload.readUInt32BE(0) !== question.context) return undefined
  let offset = question.offset
  for (let at = 4; at < payload.length; at += RUN_BYTES) {
    const lengthBytes = payload.readUInt32BE(at)
    if (lengthBytes === 0) return 'a status of no bytes'
    question.runs.push({ offset, lengthBytes, flags: payload.readUInt32BE(at + 4) })
    offset += lengthBytes
  }
  return undefined
}

function placeIn(question: Pending & { kind: 'read' }, at: number, length: number): Buffer | undefined {
  const { offset, target } = question
  const start = at - offset
  if (start < 0 || length <= 0 || start + length > target.length) return undefined
  question.cameBytes = (question.cameBytes ?? 0) + length
  return target.subarray(start, start + length)
}

/** Error numbers of the protocol are those of Linux. */
function diskFailure(errno: number, says: string): InstarError {
  return new InstarError('nbd.failed', `the NBD server reports error ${errno}${says === '' ? '' : `: ${says.slice(0, 500)}`}`, {
    details: { errno },
  })
}
