import { createHash } from 'node:crypto'
import { InstarError } from '@instar/contract'
import { ALLOCATION, bitmapContext, blockNode, fileIdentity, serveImage, type ImageLink, type NbdTarget } from '@instar/machine'

/** A disk of the source, as the provider hands it over: image files on this host, or an NBD export. */
export interface ReadableDisk {
  readonly diskId: string
  readonly content:
    | { readonly kind: 'images'; readonly chain: readonly ImageLink[] }
    | { readonly kind: 'nbd'; readonly socketPath: string; readonly exportName: string }
  /** Dirty bitmaps may be made in the source's image. */
  readonly mayUseBitmaps: boolean
}

/** A disk of the source that is served over NBD while it is copied. */
export interface ServedDisk extends AsyncDisposable {
  readonly target: NbdTarget
}

/** Serves the disk, with one of its bitmaps where one is wanted. `image.in-use` while a machine runs on it. */
export async function serveDisk(disk: ReadableDisk, options: { bitmap?: string; signal: AbortSignal }): Promise<ServedDisk> {
  const { content } = disk
  if (content.kind === 'images') return await hinting(disk, () => serveImage({ node: blockNode(content.chain), ...options }))
  return {
    target: {
      address: { socketPath: content.socketPath },
      exportName: content.exportName,
      contexts: options.bitmap === undefined ? [ALLOCATION] : [ALLOCATION, bitmapContext(options.bitmap)],
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** A text that changes when the disk's files do. `undefined` where that is not known: an interrupted copy then looks at all again. */
export async function fingerprintOf({ content }: ReadableDisk): Promise<string | undefined> {
  if (content.kind !== 'images') return undefined
  const hash = createHash('sha256')
  for (const link of content.chain) {
    for (const path of [link.path, ...(link.dataFile === undefined ? [] : [link.dataFile])])
      hash.update(JSON.stringify([path, await fileIdentity(path)]))
  }
  return hash.digest('hex')
}

/** A running machine's disk has no state that could be copied. */
export async function hinting<T>(disk: ReadableDisk, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof InstarError) || error.code !== 'image.in-use') throw error
    throw new InstarError('image.in-use', `the disk ${disk.diskId} of the source cannot be copied: ${error.message}`, {
      cause: error,
      details: error.details,
      hint: 'Shut the machine down and execute again, or execute with the option that shuts it down.',
    })
  }
}
