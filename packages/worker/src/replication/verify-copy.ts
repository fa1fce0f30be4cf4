import type { CopyState } from './copy/copy-state.ts'
import { chainOf } from './open-replica.ts'
import type { CopyRun } from './copy-run.ts'
import type { NbdTarget } from '@instar/machine'
import { hashDisk, hashGeneration, requireSame } from './verify.ts'

/**
 * Reads the new generation through QEMU, before it counts, and compares it with the hashes of the source: those of this copy where it made
 * some, else those of the source read once more.
 */
export async function verifyCopy(run: CopyRun, copy: { file: string; state: CopyState; target: NbdTarget }): Promise<void> {
  const { request, replica, base, threads, onProgress } = run
  const options = { threads, signal: request.signal, onProgress }
  request.say(`Verifying the copy of the disk ${request.source.diskId}`)
  const below = base === undefined ? [] : await chainOf(replica.folder, base.number)
  const ours = await hashGeneration([{ path: copy.file, format: 'qcow2' }, ...below], options)
  const source = copy.state.hashes ?? (await hashDisk(copy.target, options)).hashes
  requireSame(source, ours, request.source.diskId)
}
