/** A stream is kept whole up to twice so much, beyond that its first and last so many bytes (design.md, section 13). */
export const HALF_BYTES = 32 * 1024 * 1024

/** Where the kept tail of a stream of `sizeBytes` begins; pieces that end at or before it, and begin after the head, are not needed any more. */
export function tailStart(sizeBytes: number, half = HALF_BYTES): number {
  return sizeBytes <= 2 * half ? half : sizeBytes - half
}

/** The stretch that is not kept of a stream, or null. */
export function leftOut(sizeBytes: number, half = HALF_BYTES): { from: number; to: number } | null {
  return sizeBytes <= 2 * half ? null : { from: half, to: sizeBytes - half }
}
