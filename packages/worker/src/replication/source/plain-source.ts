import { constants } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import type { BigIntStats } from 'node:fs'
import { findPlainData } from '@instar/machine'
import type { PlainFiles } from '../copy/thread-job.ts'
import type { ReadableDisk } from './readable-disk.ts'

/** The files of a disk as they were before QEMU opened them; `undefined` where the disk is no images of ours to open. */
export type NotedFiles = ReadonlyMap<string, string> | undefined

/** What is read past QEMU; its files close with it. */
export interface PlainSource extends AsyncDisposable, PlainFiles {}

export async function noteFiles({ content }: ReadableDisk): Promise<NotedFiles> {
  if (content.kind !== 'images') return undefined
  const noted = new Map<string, string>()
  for (const { path, dataFile } of content.chain) {
    for (const file of dataFile === undefined ? [path] : [path, dataFile]) noted.set(file, identity(await stat(file, { bigint: true })))
  }
  return noted
}

/**
 * Opens the files in which the disk's data lies as it is, so that it is read without QEMU between: a third of the CPU time. Only while QEMU
 * serves the disk, for its locks keep writers away; and only files that are those which were there before QEMU opened them.
 */
export async function openPlainSource(disk: ReadableDisk, noted: NotedFiles, signal: AbortSignal): Promise<PlainSource | undefined> {
  if (disk.content.kind !== 'images' || noted === undefined) return undefined
  const found = await findPlainData(disk.content.chain, signal)
  if (found === undefined || found.stretches.length === 0) return undefined
  await using stack = new AsyncDisposableStack()
  const fds: number[] = []
  for (const file of found.files) {
    // The path has no links in it any more; one that became a link is not followed.
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => undefined)
    if (handle === undefined) return undefined
    stack.use(handle)
    if (identity(await handle.stat({ bigint: true })) !== noted.get(file)) return undefined
    fds.push(handle.fd)
  }
  const stretches = new Float64Array(new SharedArrayBuffer(8 * found.stretches.length))
  stretches.set(found.stretches)
  const held = stack.move()
  return { fds, stretches, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

function identity({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs].join(' ')
}
