import { InstarError } from '@instar/contract'

/** Bytes from `from` up to, and not with, `to`. */
export interface ByteRange {
  readonly from: number
  readonly to: number
}

/** The header `Range: bytes=FROM-TO`, `bytes=FROM-` or `bytes=-LAST` of something with this size. Throws `api.bad-range`; also for several ranges. */
export function readRange(header: string, sizeBytes: number): ByteRange {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim()) ?? []
  if (first === '' && last === '') throw new InstarError('api.bad-range', `the range "${header.slice(0, 80)}" is not bytes=FROM-TO`)
  if (first === '') return { from: Math.max(0, sizeBytes - Number(last)), to: sizeBytes }
  const to = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes)
  if (Number(first) >= to) throw new InstarError('api.bad-range', `the output has ${sizeBytes} bytes; "${header}" is outside`)
  return { from: Number(first), to }
}
