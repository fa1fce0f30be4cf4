import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { InstarError } from '@instar/contract'
import { HOST_ENV } from './host-tool.ts'

/**
 * Holds an exclusive lock on a file, waiting for it as long as the signal allows; `host.no-access` where none can be made. The kernel lets go of it when we end, however that is:
 * flock(1) gives the lock to a `cat` that lives as long as our end of its stdin is open.
 */
export async function holdLock(file: string, signal: AbortSignal): Promise<AsyncDisposable> {
  signal.throwIfAborted()
  const child = spawn('flock', ['--exclusive', file, 'sh', '-c', 'echo held; exec cat'], { env: HOST_ENV, stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.on('error', () => {})
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const closed = once(child, 'close').catch((error: unknown) => {
    throw new InstarError('machine.missing-tool', 'the program flock is not installed', {
      cause: error,
      hint: 'Install it: apt-get install util-linux',
    })
  })
  closed.catch(() => {})
  const stop = () => child.kill('SIGKILL')
  signal.addEventListener('abort', stop, { once: true })
  try {
    await Promise.race([once(child.stdout, 'data'), closed.then(() => Promise.reject(lockFailed(file, said)))])
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
  return {
    [Symbol.asyncDispose]: async () => {
      child.stdin.end()
      await closed
    },
  }
}

function lockFailed(file: string, said: string): InstarError {
  return new InstarError('host.no-access', `cannot lock ${file}`, { cause: new Error(said.trim() || 'flock(1) ended') })
}
