import type { FileHandle } from 'node:fs/promises'
import { open, stat } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { InstarError } from '@instar/contract'
import { TOOL_ENV } from './host-tool.ts'
import { realImagePath } from './image-file.ts'

/** Exclusive for who may change an image, shared for those who only read it. */
export type LockMode = 'exclusive' | 'shared'

export interface ImageLocks extends AsyncDisposable {
  /** Hand these on to tools that write, so that the lock outlives us with them. */
  readonly fds: readonly number[]
}

const MAX_TRIES = 3
/** The tools of a killed run need a moment to die, and hold its locks until then. */
const WAIT_SECONDS = 2

/**
 * Locks images against other runs of Instar (flock on the image itself, so that every path to it counts and the lock dies with the process);
 * `image.in-use` when another one has it. QEMU's own locks, which are of another kind, guard against running machines.
 */
export async function takeLocks(files: readonly string[], mode: LockMode, waitSeconds = WAIT_SECONDS): Promise<ImageLocks> {
  await using stack = new AsyncDisposableStack()
  const handles: FileHandle[] = []
  const paths = await Promise.all(files.map(realImagePath))
  for (const path of new Set(paths.sort())) handles.push(stack.use(await lockFile(path, mode, waitSeconds)))
  const held = stack.move()
  return { fds: handles.map(handle => handle.fd), [Symbol.asyncDispose]: () => held.disposeAsync() }
}

async function lockFile(path: string, mode: LockMode, waitSeconds: number): Promise<FileHandle> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const handle = await open(path, 'r')
    try {
      if (!(await flock(handle.fd, mode, waitSeconds)))
        throw new InstarError('image.in-use', `${path} is being worked on by another run of Instar`)
      // Replaced between open and lock: what we locked is no longer the image.
      const [ours, now] = [await handle.stat(), await stat(path)]
      if (ours.ino === now.ino && ours.dev === now.dev) return handle
    } catch (error) {
      await handle.close()
      throw error
    }
    await handle.close()
  }
  throw new InstarError('image.changed', `${path} is replaced again and again`)
}

/** The lock belongs to the open file, not to flock(1), and so stays when that ends. */
async function flock(fd: number, mode: LockMode, waitSeconds: number): Promise<boolean> {
  const child = spawn('flock', [mode === 'exclusive' ? '-x' : '-s', '-w', String(waitSeconds), '3'], {
    stdio: ['ignore', 'ignore', 'ignore', fd],
    env: TOOL_ENV,
  })
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve)
    child.once('error', cause => reject(new InstarError('image.tool-missing', 'flock could not be started', { cause })))
  })
  if (exitCode === 0) return true
  if (exitCode === 1) return false
  throw new InstarError('image.tool-failed', `flock ended with ${exitCode ?? 'a signal'}`)
}
