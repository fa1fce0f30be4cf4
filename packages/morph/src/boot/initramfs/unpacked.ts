/** What came of unpacking one compressed stream. `consumedBytes` is the length of the stream in the input, so that what follows can be read. */
export type Unpacked =
  | { readonly kind: 'ok'; readonly data: Buffer; readonly consumedBytes: number }
  | { readonly kind: 'damaged'; readonly reason: string }
  | { readonly kind: 'too-big'; readonly maxBytes: number }
  | { readonly kind: 'no-program'; readonly program: string; readonly debianPackage: string }

export const damaged = (reason: string): Unpacked => ({ kind: 'damaged', reason })
