import { InstarError } from '@instar/contract/errors'
import type { NbdSocket } from './connect.ts'
import {
  FLAG_FIXED_NEWSTYLE,
  FLAG_NO_ZEROES,
  HANDSHAKE_MAGIC,
  INFO_EXPORT,
  OPTION,
  OPTION_ERROR_BIT,
  OPTION_MAGIC,
  OPTION_REPLY,
  OPTION_REPLY_MAGIC,
  encodeOption,
  encodeText,
} from './wire.ts'

/** What the server told of the export that was chosen. */
export interface NbdExport {
  readonly sizeBytes: number
  /** The metadata contexts that it gives, with the numbers under which they come. */
  readonly contexts: ReadonlyMap<string, number>
}

interface OptionReply {
  readonly type: number
  readonly data: Buffer
}

/** An answer to an option is a few names and numbers. */
const MAX_REPLY_BYTES = 64 * 1024
const REPLY_HEADER_BYTES = 20

/** Chooses an export and the metadata contexts wanted of it; a server without structured replies is `nbd.refused`. */
export async function shakeHands(wire: NbdSocket, wanted: { exportName: string; contexts: readonly string[] }): Promise<NbdExport> {
  const hello = await take(wire, 18)
  if (hello.readBigUInt64BE(0) !== HANDSHAKE_MAGIC || hello.readBigUInt64BE(8) !== OPTION_MAGIC)
    throw refused('the server does not speak the newstyle NBD protocol')
  const flags = hello.readUInt16BE(16)
  if ((flags & FLAG_FIXED_NEWSTYLE) === 0) throw refused('the server does not speak the fixed newstyle NBD protocol')
  const answer = Buffer.alloc(4)
  answer.writeUInt32BE(FLAG_FIXED_NEWSTYLE | (flags & FLAG_NO_ZEROES))
  wire.socket.write(answer)

  await ask(wire, OPTION.structuredReply, Buffer.alloc(0))
  const contexts = new Map<string, number>()
  if (wanted.contexts.length > 0) {
    const count = Buffer.alloc(4)
    count.writeUInt32BE(wanted.contexts.length)
    const data = Buffer.concat([encodeText(wanted.exportName), count, ...wanted.contexts.map(encodeText)])
    for (const { type, data: found } of await ask(wire, OPTION.setMetaContext, data)) {
      if (type === OPTION_REPLY.metaContext && found.length >= 4) contexts.set(found.toString('utf8', 4), found.readUInt32BE(0))
    }
  }
  const replies = await ask(wire, OPTION.go, Buffer.concat([encodeText(wanted.exportName), Buffer.alloc(2)]))
  const info = replies.find(({ type, data }) => type === OPTION_REPLY.info && data.length >= 12 && data.readUInt16BE(0) === INFO_EXPORT)
  const sizeBytes = Number(info?.data.readBigUInt64BE(2) ?? -1n)
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) throw refused(`the server told no size of the export "${wanted.exportName}"`)
  return { sizeBytes, contexts }
}

/** Sends an option and gives the replies before its acknowledgement. */
async function ask(wire: NbdSocket, option: number, data: Buffer): Promise<OptionReply[]> {
  wire.socket.write(encodeOption(option, data))
  const replies: OptionReply[] = []
  for (;;) {
    const head = await take(wire, REPLY_HEADER_BYTES)
    const [type, length] = [head.readUInt32BE(12), head.readUInt32BE(16)]
    if (head.readBigUInt64BE(0) !== OPTION_REPLY_MAGIC || head.readUInt32BE(8) !== option || length > MAX_REPLY_BYTES)
      throw refused(`the server answered the option ${option} in a way that is not the protocol's`)
    const reply = { type, data: await take(wire, length) }
    if (type === OPTION_REPLY.ack) return replies
    if ((type & OPTION_ERROR_BIT) !== 0) {
      const says = reply.data.toString('utf8').slice(0, 500)
      throw refused(`the server refused the option ${option} with ${type & ~OPTION_ERROR_BIT}${says === '' ? '' : `: ${says}`}`)
    }
    replies.push(reply)
  }
}

function take({ socket, intake }: NbdSocket, bytes: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const lost = () => reject(new InstarError('nbd.lost', 'the NBD server closed the connection before an export was chosen'))
  if (socket.destroyed) lost()
  socket.once('close', lost)
  const target = Buffer.alloc(bytes)
  intake.expect(target, () => {
    socket.removeListener('close', lost)
    resolve(target)
  })
  return promise
}

function refused(message: string): InstarError {
  return new InstarError('nbd.refused', message)
}
