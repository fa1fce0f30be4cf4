import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { InstarError } from '@instar/contract'
import { QCOW2_HEADER_BYTES } from './qcow2-header.ts'
import { TAIL_BYTES } from './image-format.ts'

/** Tells whether a file is still the one, with the content, that we looked at. */
export interface FileIdentity {
  readonly inode: string
  readonly sizeBytes: number
  readonly modifiedNs: string
}

export interface ImageBytes {
  /** Links followed. */
  readonly path: string
  readonly identity: FileIdentity
  readonly allocatedBytes: number
  /** The first 2 MiB at most, enough for every header. */
  readonly head: Buffer
  readonly tail: Buffer
}

/** Reads what the header parsers need. Only regular files: a device or a pipe is `image.unsupported`. */
export async function readImageBytes(file: string): Promise<ImageBytes> {
  const path = await realImagePath(file)
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  await using handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw new InstarError('image.not-found', `the image ${file} cannot be opened`, { cause })
  })
  const status = await handle.stat({ bigint: true })
  if (!status.isFile())
    throw new InstarError('image.unsupported', `${file} is not a regular file`, { hint: 'Name a file that holds a disk image.' })
  const sizeBytes = Number(status.size)
  return {
    path,
    identity: { inode: String(status.ino), sizeBytes, modifiedNs: String(status.mtimeNs) },
    allocatedBytes: Number(status.blocks) * 512,
    head: await readAt(handle, 0, Math.min(sizeBytes, QCOW2_HEADER_BYTES)),
    tail: await readAt(handle, Math.max(0, sizeBytes - TAIL_BYTES), Math.min(sizeBytes, TAIL_BYTES)),
  }
}

/** The file's path with all links followed; `image.not-found` where there is none. */
export async function realImagePath(file: string): Promise<string> {
  return await realpath(file).catch((cause: unknown) => {
    throw new InstarError('image.not-found', `there is no image ${file}`, { cause })
  })
}

/** The identity of a file as it is now. */
export async function fileIdentity(path: string): Promise<FileIdentity> {
  return (await readImageBytes(path)).identity
}

export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.inode === b.inode && a.sizeBytes === b.sizeBytes && a.modifiedNs === b.modifiedNs
}

/** Reads a range, which may be cut short by the end of the file. */
export async function readAt(handle: FileHandle, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await handle.read(buffer, done, length - done, at + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return buffer.subarray(0, done)
}
