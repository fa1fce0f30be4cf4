import type { ErrorCode } from '@instar/contract'
import { InstarError } from '@instar/contract'
import type { RunResult } from '@instar/machine'
import type { Manager } from './manager.ts'
import type { PackageStep } from './plan-packages.ts'

const NO_SPACE =
  /No space left on device|not enough (?:free )?(?:disk )?space|don't have enough free space|needs? \d+ ?[KMG]i?B (?:more space )?on the|disk full/i
const BROKEN = /dpkg was interrupted|rpmdb open failed|database disk image is malformed|unable to lock database|Unmet dependencies/i
const SHOWN_LINES = 12

export interface FinishedStep {
  readonly step: PackageStep
  readonly result: RunResult
  /** The last of both streams, in the order in which it came. */
  readonly output: string
}

/** Did a step end well? A refresh of which some repository failed did not, whatever its exit code: apt ends with 0 then. */
export function isGood({ step, result, output }: FinishedStep, manager: Manager): boolean {
  const isOk = result.exitCode === 0 || (result.exitCode !== null && manager.okExitCodes.includes(result.exitCode))
  return isOk && !result.timedOut && !(step.kind === 'refresh' && manager.deadRepository.test(output))
}

/** The error of a step that failed; `refresh` is the refresh before it, when that had failed too. */
export function packagesError(failed: FinishedStep, manager: Manager, refresh: FinishedStep | undefined): InstarError {
  const { step, result, output } = failed
  const code = codeOf(failed, manager, refresh !== undefined)
  const shown = code === 'packages.no-repository' && refresh !== undefined ? refresh.output : output
  const ending = result.timedOut
    ? `no end after ${step.timeoutMs / 60_000} minutes`
    : `${step.argv[0]} ended with ${result.signal ?? result.exitCode}`
  return new InstarError(code, `${step.sentence} in the guest failed (${ending}): ${lastLines(shown)}`, {
    details: { argv: step.argv, exitCode: result.exitCode, signal: result.signal, output: shown },
  })
}

/** The last lines of a program's output, as it would show on a terminal. */
export function lastLines(output: string): string {
  const lines = output
    .split(/[\r\n]+/)
    .map(line => line.trimEnd())
    .filter(line => line !== '')
  return lines.slice(-SHOWN_LINES).join('\n')
}

function codeOf({ result, output }: FinishedStep, manager: Manager, hasDeadRepository: boolean): ErrorCode {
  if (result.timedOut) return 'packages.timed-out'
  if (NO_SPACE.test(output)) return 'packages.no-space'
  if (manager.unknownName.test(output)) return hasDeadRepository ? 'packages.no-repository' : 'packages.unknown-name'
  if (manager.deadRepository.test(output)) return 'packages.no-repository'
  return BROKEN.test(output) ? 'packages.broken' : 'packages.failed'
}
