import { InstarError } from '@instar/contract'
import type { BootFailure } from './boot-failure.ts'
import { plainText } from './boot-failure.ts'

/** One shape for all ends of a boot. */
export interface ReplicaResult<Verdict> {
  readonly verdict: Verdict | undefined
  /** `failure`: the console showed that the boot failed; `crash`: QEMU itself ended with an error. */
  readonly ended: 'until' | 'failure' | 'timeout' | 'poweroff' | 'crash'
  /** What the console shows of a failed boot, whatever ended it. */
  readonly failure: BootFailure | undefined
  /** The last 4 Mi characters. */
  readonly console: string
  readonly portText: string
  /** Restarts that the guest asked for. */
  readonly reboots: number
  readonly wallMs: number
  readonly qemu: QemuEnding
}

export interface QemuEnding {
  readonly argv: readonly string[]
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
}

const TAIL_LINES = 20

/** The verdict, or the error that says why there is none: `replica.timeout`, `replica.failed` or `replica.lost`, with the end of the console. */
export function requireVerdict<Verdict>(result: ReplicaResult<Verdict>): Verdict {
  if (result.verdict !== undefined) return result.verdict
  const seconds = Math.round(result.wallMs / 1000)
  const details = {
    ended: result.ended,
    failure: result.failure,
    reboots: result.reboots,
    wall_ms: Math.round(result.wallMs),
    console_tail: consoleTail(result),
  }
  const reason = result.failure === undefined ? '' : `: ${result.failure.line}`
  switch (result.ended) {
    case 'timeout':
      throw new InstarError('replica.timeout', `the replica did not come up within ${seconds} s${reason}`, { details })
    case 'failure':
      throw new InstarError('replica.failed', `the replica did not come up (${result.failure?.kind ?? 'unknown'})${reason}`, { details })
    case 'poweroff':
      throw new InstarError('replica.failed', `the replica switched itself off after ${seconds} s${reason}`, { details })
    case 'until':
    case 'crash':
      throw new InstarError(
        'replica.lost',
        `QEMU ended by itself with ${result.qemu.exitCode ?? result.qemu.signal}: ${result.qemu.stderr.trim().slice(-500)}`,
        {
          details: { ...details, argv: result.qemu.argv },
        },
      )
  }
}

/** The last lines of the console, as plain text. */
export function consoleTail({ console }: { readonly console: string }): string {
  return plainText(console.slice(-64 * 1024))
    .trimEnd()
    .split('\n')
    .slice(-TAIL_LINES)
    .join('\n')
}
