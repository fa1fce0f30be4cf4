/** The NBD protocol as bytes: fixed newstyle handshake and structured replies. Source: the protocol's own doc/proto.md. */

export const HANDSHAKE_MAGIC = 0x4e_42_44_4d_41_47_49_43n
export const OPTION_MAGIC = 0x49_48_41_56_45_4f_50_54n
export const OPTION_REPLY_MAGIC = 0x3_e8_89_04_55_65_a9n
const REQUEST_MAGIC = 0x25_60_95_13
export const SIMPLE_REPLY_MAGIC = 0x67_44_66_98
export const STRUCTURED_REPLY_MAGIC = 0x66_8e_33_ef

export const FLAG_FIXED_NEWSTYLE = 1
export const FLAG_NO_ZEROES = 2

export const OPTION = { abort: 2, go: 7, structuredReply: 8, setMetaContext: 10 } as const
export const OPTION_REPLY = { ack: 1, info: 3, metaContext: 4 } as const
/** Set in the reply types that refuse an option. */
export const OPTION_ERROR_BIT = 0x80_00_00_00
export const INFO_EXPORT = 0

export const COMMAND = { read: 0, disconnect: 2, blockStatus: 7 } as const

export const REPLY_FLAG_DONE = 1
export const REPLY = { none: 0, offsetData: 1, offsetHole: 2, blockStatus: 5, error: 0x80_01, errorOffset: 0x80_02 } as const
/** Set in the reply types that tell of a failure. */
export const REPLY_ERROR_BIT = 0x80_00

export const SIMPLE_REPLY_BYTES = 16
export const STRUCTURED_REPLY_BYTES = 20

const REQUEST_BYTES = 28
const OPTION_HEADER_BYTES = 16

export function encodeOption(option: number, data: Buffer): Buffer {
  const head = Buffer.alloc(OPTION_HEADER_BYTES)
  head.writeBigUInt64BE(OPTION_MAGIC, 0)
  head.writeUInt32BE(option, 8)
  head.writeUInt32BE(data.length, 12)
  return Buffer.concat([head, data])
}

/** A text with its length before it. */
export function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

export function encodeRequest(request: { type: number; handle: bigint; offset: number; length: number }): Buffer {
  const bytes = Buffer.alloc(REQUEST_BYTES)
  bytes.writeUInt32BE(REQUEST_MAGIC, 0)
  bytes.writeUInt16BE(request.type, 6)
  bytes.writeBigUInt64BE(request.handle, 8)
  bytes.writeBigUInt64BE(BigInt(request.offset), 16)
  bytes.writeUInt32BE(request.length, 24)
  return bytes
}
