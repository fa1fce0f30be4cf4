import { spawnSync } from 'node:child_process'
import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError } from '@instar/contract'

const RETRY_MS = 100

/**
 * Takes the lock file `path` (flock, so it ends with this process however that ends), or answers `undefined` when another process still has it
 * after `waitMs`. Throws `store.tool-missing` where there is no flock(1).
 */
export async function takeLock(path: string, waitMs: number, signal: AbortSignal): Promise<AsyncDisposable | undefined> {
  for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
    const lock = await tryLock(path)
    if (lock !== undefined || waitedMs >= waitMs) return lock
    await sleep(RETRY_MS, undefined, { signal })
  }
}

async function tryLock(path: string): Promise<AsyncDisposable | undefined> {
  const handle = await open(path, 'a', 0o600)
  // The lock belongs to the open file, which we keep, and not to flock(1).
  const { status, error } = spawnSync('flock', ['-x', '-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', handle.fd] })
  if (status === 0) return { [Symbol.asyncDispose]: () => handle.close() }
  await handle.close()
  if (error !== undefined) throw new InstarError('store.tool-missing', 'flock could not be started (package util-linux)', { cause: error })
  return undefined
}
