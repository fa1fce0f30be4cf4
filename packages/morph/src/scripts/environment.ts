import type { ScriptSpec } from '@instar/contract/scripts'
import type { ScriptFailure } from './failure.ts'

/** What is known when a script starts; the same for all scripts of a phase. */
export interface PhaseFacts {
  readonly runId: string
  /** Where the guest is mounted on the minion; '' before the mount. */
  readonly root: string
  /** Devices of the machine's disks on the minion, boot disk first. */
  readonly disks: readonly string[]
  readonly osType: string
  /** "debian 12"; '' before detection. */
  readonly distro: string
  readonly secretsDir: string
  /** In the on-error phase: what failed. */
  readonly failure?: ScriptFailure
}

/** The environment of a script (design.md, section 13); a script's own variables cannot replace ours. */
export function scriptEnvironment(script: ScriptSpec, attempt: number, facts: PhaseFacts): Record<string, string> {
  return {
    ...script.env,
    INSTAR_FORMAT_VERSION: '1',
    INSTAR_RUN_ID: facts.runId,
    INSTAR_PHASE: script.phase,
    INSTAR_SCRIPT: script.name,
    INSTAR_ATTEMPT: String(attempt),
    INSTAR_ROOT: facts.root,
    INSTAR_DISKS: facts.disks.join('\n'),
    INSTAR_OS_TYPE: facts.osType,
    INSTAR_DISTRO: facts.distro,
    INSTAR_SECRETS_DIR: facts.secretsDir,
    ...(facts.failure === undefined ? {} : failureEnvironment(facts.failure)),
  }
}

function failureEnvironment(failure: ScriptFailure): Record<string, string> {
  return {
    INSTAR_FAILED_PHASE: failure.phase,
    INSTAR_FAILED_SCRIPT: failure.script,
    INSTAR_FAILED_EXIT_CODE: failure.exitCode === null ? '' : String(failure.exitCode),
    INSTAR_FAILED_SIGNAL: failure.signal ?? '',
    INSTAR_FAILED_LOG: failure.log,
    INSTAR_FAILED_MESSAGE: failure.message,
  }
}
