import type { LocalTime } from './local-time.ts'
import type { ProgramKind } from './program-kind.ts'

/**
 * How scripts are started, behind one interface: `openStarter` of shell-starter.ts is the fast way (a shell kept open, in which the files of
 * environment.d have been sourced and which starts one script after the other).
 */

/** One script to start. Its `$0` is `path`; it gets no arguments, the starter's working directory, umask, limits and environment. */
export interface ScriptStart {
  readonly path: string
  /** Added to the starter's environment for this script only. Names must be shell names. */
  readonly environment?: Readonly<Record<string, string>>
  /** A file that stdin is read from; absent: the starter's stdin, shared by all scripts. */
  readonly stdin?: string
  /** A file that stdout is appended to, made when it is not there; absent: the starter's stdout. */
  readonly stdout?: string
  /** The same for stderr. May name the same file. */
  readonly stderr?: string
  /** What starting it comes to, where that is known already. */
  readonly kind?: ProgramKind
}

/** How a script ended. */
export interface ScriptEnd {
  readonly kind: 'ended'
  /** As a shell tells it: the exit code, or 128 + the number of the signal. 126 and 127 also stand for a script that could not be started. */
  readonly code: number
  /** null when it died of a signal. */
  readonly exitCode: number | null
  /** `SIGKILL`, `SIGRTMIN+3`; null when it ended by itself. */
  readonly signal: string | null
  /**
   * False where exit code and signal cannot be told apart: the starter says nothing of a death by SIGINT or SIGPIPE, so 130 and 141 are then
   * given as exit codes. True for everything else.
   */
  readonly isExact: boolean
  /** Milliseconds since the epoch, with a fraction. */
  readonly startedAt: number
  readonly endedAt: number
  /** User and system time in milliseconds of the script and the descendants that were waited for. */
  readonly cpuMs: number
  /** What the starter itself said meanwhile (it could not fork, could not open the file for stdout); normally empty. */
  readonly notes: readonly string[]
}

/** The starter is gone (somebody killed it): nothing is known of the script that it was running. */
export interface StarterLost {
  readonly kind: 'lost'
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
}

/** Scripts that run as `{directory}/{name}`. */
export interface ScriptSeries {
  readonly directory: string
  readonly names: readonly string[]
  /** The program's name at the head of each line: `NAME DATE Running PATH`. */
  readonly announcer: string
  readonly time: LocalTime
  /** Which script is next. */
  readonly onStart: (name: string) => void
  readonly onCompleted: (name: string, seconds: number) => void
}

export type SeriesEnd =
  | { readonly kind: 'done' }
  /** By `endSeries`, or because the shell got TERM or HUP: no further script was started. */
  | { readonly kind: 'stopped' }
  | ({ readonly kind: 'failed'; readonly name: string } & Pick<ScriptEnd, 'code' | 'exitCode' | 'signal' | 'isExact' | 'notes'>)
  | StarterLost

export interface Starter {
  /** The process that the scripts are children of. It shares the caller's process group and survives INT, QUIT, HUP and TERM sent to the group. */
  readonly pid: number
  /** Starts a script and waits for its own process, not for what it leaves in the background. One at a time. Never rejects. */
  run(script: ScriptStart): Promise<ScriptEnd | StarterLost>
  /**
   * Runs scripts of a directory one after the other, up to the first that fails, without coming back to us in between: for short scripts that is
   * a fifth of the time. The shell itself writes a line before and after each of them to the scripts' stderr, and ends after the last. Never rejects.
   */
  runSeries(series: ScriptSeries): Promise<SeriesEnd>
  /** Ends a series after the script that runs. */
  endSeries(): void
  /** The processes that the starter is waiting for: the running script, or nothing. Read from /proc. */
  children(): number[]
  /** Ends the starter after its last script; resolves when its process is gone. A script that still runs goes on, nothing more is started. */
  close(): Promise<void>
}

export interface StarterOptions {
  /** The starter's `$0`, in its own messages and for the environment files. */
  readonly name: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Bash files sourced before the first script, in this order; see openStarter. */
  readonly environmentFiles: readonly string[]
  /** Called before each of them is read. */
  readonly onSource: (file: string) => void
  /** Told of the starter's process before it does anything. */
  readonly onShell?: (pid: number) => void
  /** Descriptors of ours for stdin, stdout, stderr; default 0, 1, 2. `closed`: the scripts find it closed. */
  readonly stdio?: readonly [Stream, Stream, Stream]
  /** Other descriptors of ours that the scripts would inherit and shall not. */
  readonly withheld?: readonly number[] | undefined
}

export type Stream = number | 'closed'

export type StarterOpening =
  | { readonly kind: 'ready'; readonly starter: Starter }
  /** An environment file ended the shell: with `code` (0 for `exit 0`; 128 + number when it died of a signal). No script may run. */
  | { readonly kind: 'environment-failed'; readonly file: string; readonly code: number }
  /** The shell could not be started or ended for no reason of a file. */
  | { readonly kind: 'unavailable'; readonly reason: string }
