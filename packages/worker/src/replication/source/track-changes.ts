import type { Incoming } from '../incoming.ts'
import type { Generation } from '../replica-record.ts'
import { beginBitmap, bitmapImage, bitmapState } from './bitmaps.ts'
import type { ReadableDisk } from './readable-disk.ts'

/** How changes of a disk are found. */
export interface Tracking {
  readonly isPossible: boolean
  /** The bitmap that has what changed since the last generation; absent: hashes tell. */
  readonly since?: string
  /** The bitmap that notes from now on what the next copy will need. */
  readonly next?: string
}

interface TrackRequest {
  readonly source: ReadableDisk
  readonly base: Generation | undefined
  readonly earlier: Incoming | undefined
  /** Of a new bitmap. */
  readonly name: string
  readonly say: (message: string) => void
  readonly signal: AbortSignal
}

/**
 * Begins to note changes for the next copy, before anything of this one is read, and looks whether those since the last one were noted.
 * An attempt that goes on has begun already: its bitmap has noted what changed since then.
 */
export async function trackChanges({ source, base, earlier, name, say, signal }: TrackRequest): Promise<Tracking> {
  if (!source.mayUseBitmaps) return { isPossible: false }
  const image = bitmapImage(source)
  if (image.path === undefined) {
    say(`Changes of the disk ${source.diskId} are found by hashes, not by bitmaps: ${image.reason}`)
    return { isPossible: false }
  }
  const next = earlier?.bitmap ?? name
  await beginBitmap(source, next, signal)
  const since = base?.bitmap ?? undefined
  if (since === undefined) return { isPossible: true, next }
  const state = await bitmapState(image.path, since, signal)
  if (state === 'good') return { isPossible: true, next, since }
  say(`Changes of the disk ${source.diskId} are found by hashes this time: its bitmap ${since} is ${state}`)
  return { isPossible: true, next }
}
