import { InstarError, errorChain } from '@instar/contract/errors'
import type { RunError } from '../journal/records.ts'
import { forgetWaiting, checkReboots, rememberWaiting, requestReboot } from './reboot.ts'
import type { RefreshStore } from '../journal/store.ts'
import { REBOOT_CODE } from './run-script.ts'
import { runErrorStage } from './error-stage.ts'
import type { PhasesEnd } from './run-phases.ts'
import type { Session } from './session.ts'

/** How a run came out: an exit code, and what to tell the user when it is not done. */
export interface RunEnd {
  readonly exitCode: number
  readonly error?: InstarError
}

/** What follows the phases: error.d after a failure, a reboot where one is asked for, and the last line of the journal. */
export async function finishRun(session: Session, store: RefreshStore, end: PhasesEnd, elapsedMs: number): Promise<RunEnd> {
  switch (end.kind) {
    case 'succeeded':
      return conclude(session, 'succeeded', { exitCode: 0 })
    case 'failed':
      await runErrorStage(session, end.failure)
      return conclude(session, 'failed', { exitCode: end.failure.error.exitCode, error: end.failure.error })
    case 'cancelled': {
      const { reason } = session.world.signal
      const error = reason instanceof InstarError ? reason : new InstarError('internal.cancelled', 'cancelled')
      return conclude(session, 'cancelled', { exitCode: error.exitCode, error })
    }
    case 'reboot':
      return reboot(session, store, end, elapsedMs)
  }
}

/** The journal says that the run waits before anything is asked for: a power cut in between is then as good as the reboot. */
async function reboot(
  session: Session,
  store: RefreshStore,
  { phase, name }: { phase: string; name: string },
  elapsedMs: number,
): Promise<RunEnd> {
  const { journal, world, options, emit } = session
  try {
    checkReboots(store, options.maxReboots, world.now())
    journal.append({ kind: 'reboot', at: world.now().toISOString(), phase, name, boot_id: world.bootId, elapsed_ms: elapsedMs })
    await journal.flush()
    rememberWaiting(store, session.id)
    if (options.reboot) await requestReboot(options.rebootCommand, world.environment)
  } catch (error) {
    if (!(error instanceof InstarError)) throw error
    forgetWaiting(store)
    return conclude(session, 'failed', { exitCode: error.exitCode, error })
  }
  const next = 'the run goes on after it'
  const message = options.reboot
    ? `${phase}: ${name} asked for a reboot, which is under way: ${next}`
    : `${phase}: ${name} asks for a reboot: ${next}`
  emit({ kind: 'result', state: 'started', message })
  await journal.close()
  return { exitCode: REBOOT_CODE }
}

async function conclude(session: Session, state: 'succeeded' | 'failed' | 'cancelled', end: RunEnd): Promise<RunEnd> {
  const { journal, world, emit, containment } = session
  const left = containment.describe()
  journal.append({
    kind: 'end',
    at: world.now().toISOString(),
    state,
    exit_code: end.exitCode,
    ...(left.length === 0 ? {} : { left_running: left }),
    ...(end.error === undefined ? {} : { error: reportOf(end.error) }),
  })
  await journal.close()
  const message = end.error === undefined ? `run ${session.id} succeeded` : end.error.message
  emit({ kind: 'result', state: state === 'succeeded' ? 'succeeded' : 'failed', message })
  return end
}

function reportOf(error: InstarError): RunError {
  return { code: error.code, message: error.message, because: errorChain(error).slice(1), hint: error.hint }
}
