import type { RefreshPhase } from '@instar/contract/phases'

/** One attempt of one script: the shape of `ScriptRun` in the contract, which a test holds it to. */
export interface ScriptRecord {
  readonly version: 1
  readonly id: string
  readonly run_id: string
  readonly phase: string
  readonly source: 'refresh'
  readonly name: string
  readonly order: number
  readonly attempt: number
  readonly started_at: string
  readonly ended_at: string | null
  readonly exit_code: number | null
  readonly signal: string | null
  readonly timed_out: boolean
  readonly interrupted: boolean
  readonly stdout_bytes: number
  readonly stderr_bytes: number
  readonly payload_sha256: string
  readonly left_running?: readonly string[]
  /** Processor time of the script and what it waited for, in milliseconds; `null` where it was not counted. */
  readonly cpu_ms: number | null
  /** Where a cgroup with a memory controller gives it. */
  readonly memory_peak_bytes: number | null
  /** The files of its output in the run's folder, without `.stdout` and `.stderr`; scripts that printed nothing share one. */
  readonly output: string
}

/** A process that can be told from another that got its number later. */
export interface Owner {
  readonly pid: number
  readonly start_time: string
  readonly boot_id: string
}

export type RunState = 'running' | 'succeeded' | 'failed' | 'cancelled' | 'interrupted' | 'waiting_for_reboot'

export interface RunError {
  readonly code: string
  readonly message: string
  readonly because: readonly string[]
  readonly hint: string
}

/** What was asked, as far as a run that goes on after a reboot needs it. */
export interface RunOptions {
  readonly base: string
  readonly phases: readonly RefreshPhase[]
  readonly parallel: boolean
  readonly jobs: number
  readonly scriptTimeoutMs: number
  readonly timeoutMs: number
  readonly errorTimeoutMs: number
  readonly killAfterMs: number
  readonly retries: number
  readonly reboot: boolean
  readonly rebootCommand: string | null
  readonly maxReboots: number
  readonly containment: 'auto' | 'cgroup' | 'proc'
}

/** A line of journal.jsonl. A script has one when it starts and one when it ends: the later one counts. */
export type JournalLine =
  | { kind: 'run'; version: 1; id: string; started_at: string; owner: Owner; options: RunOptions; resumed_from?: string }
  /** After a reboot, in a new process. */
  | { kind: 'continued'; at: string; owner: Owner }
  | { kind: 'containment'; how: 'cgroup' | 'proc'; reason?: string }
  | { kind: 'phase'; at: string; phase: string; state: 'started' | 'succeeded' | 'failed'; message?: string }
  | { kind: 'not-run'; phase: string; name: string; reason: string }
  | ({ kind: 'script' } & ScriptRecord)
  | { kind: 'warning'; at: string; message: string }
  /** Written, and on disk, before the reboot is asked for. `elapsed_ms` is the running time so far. */
  | { kind: 'reboot'; at: string; phase: string; name: string; boot_id: string; elapsed_ms: number }
  | {
      kind: 'end'
      at: string
      state: 'succeeded' | 'failed' | 'cancelled'
      exit_code: number
      error?: RunError
      left_running?: readonly string[]
    }

/** A run as its journal tells it. */
export interface RefreshRun {
  readonly version: 1
  readonly id: string
  readonly state: RunState
  readonly started_at: string
  readonly ended_at: string | null
  readonly exit_code: number | null
  readonly options: RunOptions
  readonly containment: 'cgroup' | 'proc' | null
  readonly containment_reason?: string
  readonly resumed_from?: string
  readonly phases: readonly { readonly phase: string; readonly state: string; readonly message?: string }[]
  readonly scripts: readonly ScriptRecord[]
  readonly not_run: readonly { readonly phase: string; readonly name: string; readonly reason: string }[]
  readonly warnings: readonly string[]
  readonly reboots: readonly {
    readonly at: string
    readonly phase: string
    readonly name: string
    readonly boot_id: string
    readonly elapsed_ms: number
  }[]
  readonly error?: RunError
  /** Processes that the run has left running at its end, "pid command" each. */
  readonly left_running: readonly string[]
  /** Lines that a crash left unfinished. */
  readonly damaged_lines: number
}
