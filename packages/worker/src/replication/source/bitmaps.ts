import { InstarError } from '@instar/contract'
import { runQemuImg } from '@instar/machine'
import { hinting, type ReadableDisk } from './readable-disk.ts'

/**
 * Dirty bitmaps in the qcow2 image of a source: QEMU notes in them what a guest writes, also over restarts. `qemu-img bitmap` changes the
 * image's metadata, never what the guest sees, and so is used only where the user allowed it.
 */

/** The image whose bitmaps tell what changes on the disk; `undefined` with the reason where there can be none. */
export function bitmapImage(disk: ReadableDisk): { readonly path: string } | { readonly path: undefined; readonly reason: string } {
  if (disk.content.kind !== 'images') return { path: undefined, reason: 'it is not read from an image' }
  const [top] = disk.content.chain
  if (top?.format !== 'qcow2') return { path: undefined, reason: `its image is ${top?.format}; only qcow2 holds bitmaps` }
  return { path: top.path }
}

export type BitmapState = 'good' | 'missing' | 'damaged'

/** Whether the bitmap is there and has noted everything. One that was open when QEMU died has not. */
export async function bitmapState(path: string, name: string, signal: AbortSignal): Promise<BitmapState> {
  let text = ''
  const args = ['info', '--output=json', '-f', 'qcow2', path]
  await runQemuImg(path, args, { signal, onStdout: piece => (text += piece) })
  const info = JSON.parse(text) as { 'format-specific'?: { data?: { bitmaps?: { name: string; flags: string[] }[] } } }
  const found = info['format-specific']?.data?.bitmaps?.find(bitmap => bitmap.name === name)
  if (found === undefined) return 'missing'
  return found.flags.includes('auto') && !found.flags.includes('in-use') ? 'good' : 'damaged'
}

/** From now on what changes is noted under this name. Again for one that is there already: it has noted even more. */
export async function beginBitmap(disk: ReadableDisk, name: string, signal: AbortSignal): Promise<void> {
  const path = requirePath(disk)
  await hinting(disk, async () => {
    const state = await bitmapState(path, name, signal)
    if (state === 'good') return
    if (state === 'damaged') await runQemuImg(path, ['bitmap', '--remove', '-f', 'qcow2', path, name], { signal })
    await runQemuImg(path, ['bitmap', '--add', '--enable', '-f', 'qcow2', path, name], { signal })
  })
}

/** Removes a bitmap that no generation needs any more. */
export async function endBitmap(disk: ReadableDisk, name: string, signal: AbortSignal): Promise<void> {
  const path = requirePath(disk)
  if ((await bitmapState(path, name, signal)) === 'missing') return
  await runQemuImg(path, ['bitmap', '--remove', '-f', 'qcow2', path, name], { signal })
}

function requirePath(disk: ReadableDisk): string {
  const { path } = bitmapImage(disk)
  if (path === undefined) throw new InstarError('internal.bug', `the disk ${disk.diskId} can have no bitmaps`)
  return path
}
