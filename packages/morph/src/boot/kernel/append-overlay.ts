import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { InstarError } from '@instar/contract'
import type { Machine } from '@instar/machine'
import type { GuestTree } from '../../tree/guest-tree.ts'
import { renderAppendix } from '../initramfs/appendix.ts'
import { MODE_DIR, MODE_FILE, MODE_LINK, writeCpio } from '../initramfs/cpio-write.ts'
import { freeBytes, runOrThrow } from '../machine-files.ts'
import type { OverlayPlan } from './overlay.ts'

/** The archive of a plan. Folders come first, parents before what they hold. */
export function renderOverlay(plan: OverlayPlan, read: (path: string) => Uint8Array): Buffer {
  return writeCpio([
    ...plan.folders.map(path => ({ path, mode: MODE_DIR })),
    ...plan.links.map(({ to, target }) => ({ path: to, mode: MODE_LINK, content: target })),
    ...plan.copies.map(({ from, to }) => ({ path: to, mode: MODE_FILE, content: read(from) })),
    ...plan.texts.map(({ to, content }) => ({ path: to, mode: MODE_FILE, content: Buffer.from(content, 'latin1') })),
  ])
}

interface AppendRequest {
  readonly tree: GuestTree
  /** Where the guest's root is mounted on the machine. */
  readonly root: string
  /** The initramfs in the guest, links resolved. */
  readonly image: string
  readonly plan: OverlayPlan
  readonly signal: AbortSignal
}

/** A driver with its needs has less than 1 MB; an overlay of this size is an error of ours. */
const MAX_OVERLAY_BYTES = 32 * 1024 * 1024
const COPY_TIMEOUT_MS = 60_000

/**
 * Appends the overlay to the guest's image in place: owner, mode and label stay. Cut back to its old length when the bytes do not arrive
 * (`boot.overlay-failed`); nothing is written without room (`boot.no-space`).
 */
export async function appendOverlay(machine: Machine, request: AppendRequest): Promise<{ readonly addedBytes: number }> {
  const { root, image, plan, signal } = request
  const target = `${root}${image}`
  const contents = new Map<string, Buffer>()
  for (const { from } of plan.copies) contents.set(from, await readGuestFile(machine, request, from))
  const archive = renderOverlay(plan, path => contents.get(path) ?? Buffer.alloc(0))
  const before = await sizeOf(machine, target, signal)
  const overlay = renderAppendix(archive, plan.form, before)
  const free = await freeBytes(machine, target, signal)
  if (overlay.length > Math.min(free, MAX_OVERLAY_BYTES)) {
    throw new InstarError('boot.no-space', `the drivers for ${image} need ${overlay.length} bytes, free ${free} bytes`, {
      details: { neededBytes: overlay.length, freeBytes: free },
    })
  }
  const temporary = `/tmp/instar-overlay-${createHash('sha256').update(image).digest('hex').slice(0, 16)}`
  try {
    await machine.write(temporary, overlay, { signal })
    await runOrThrow(machine, ['dd', `if=${temporary}`, `of=${target}`, 'bs=1M', 'oflag=append', 'conv=notrunc,fsync', 'status=none'], {
      signal,
      timeoutMs: COPY_TIMEOUT_MS,
    })
    await assertTail(machine, target, { overlay, before, signal })
  } catch (error) {
    // Its own deadline: after a cancel the signal is aborted and would leave half an archive.
    await machine.run(['truncate', '-s', String(before), target], { signal: AbortSignal.timeout(COPY_TIMEOUT_MS) })
    throw new InstarError('boot.overlay-failed', `the drivers could not be appended to ${image}`, { cause: error, details: { image } })
  } finally {
    await machine.run(['rm', '-f', temporary], { signal: AbortSignal.timeout(COPY_TIMEOUT_MS) })
  }
  return { addedBytes: overlay.length }
}

/** The path's links are resolved inside the guest: on the machine an absolute link would lead to the machine's own files. */
async function readGuestFile(machine: Machine, { tree, root, signal }: AppendRequest, path: string): Promise<Buffer> {
  const real = tree.realpath(path)
  const content = real === undefined ? undefined : await machine.read(`${root}${real}`, { signal, maxBytes: MAX_OVERLAY_BYTES })
  if (content === undefined) throw new InstarError('boot.overlay-failed', `${path} is not in the guest`, { details: { path } })
  return content
}

async function sizeOf(machine: Machine, path: string, signal: AbortSignal): Promise<number> {
  return Number((await runOrThrow(machine, ['stat', '--format=%s', path], { signal })).stdoutTail.trim())
}

async function assertTail(
  machine: Machine,
  target: string,
  { overlay, before, signal }: { overlay: Buffer; before: number; signal: AbortSignal },
): Promise<void> {
  const size = await sizeOf(machine, target, signal)
  const sum = await runOrThrow(machine, ['sh', '-c', 'tail -c "$1" "$2" | sha256sum', 'sh', String(overlay.length), target], {
    signal,
    timeoutMs: COPY_TIMEOUT_MS,
  })
  const expected = createHash('sha256').update(overlay).digest('hex')
  if (size !== before + overlay.length || sum.stdoutTail.slice(0, 64) !== expected) {
    throw new InstarError(
      'boot.overlay-failed',
      `${target} has ${size} bytes, expected ${before + overlay.length}, or other content at its end`,
    )
  }
}
