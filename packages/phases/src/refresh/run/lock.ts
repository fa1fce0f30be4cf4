import { InstarError } from '@instar/contract/errors'
import { takeRunLock, type RunLock } from '../../run-parts/run-lock.ts'

/** Takes the lock that os-refresh-config takes, without waiting; throws `refresh.locked` and `refresh.lock-unusable`. */
export function takeLock(file: string): RunLock {
  const locking = takeRunLock(file)
  if (locking.kind === 'locked') return locking.lock
  if (locking.kind === 'held') throw new InstarError('refresh.locked', `another run holds the lock ${file}`)
  throw new InstarError('refresh.lock-unusable', `cannot ${locking.step} the lock file ${file}: ${locking.reason}`)
}
