import type { Paths } from './paths.ts'

/** The world of a command: made once in main.ts, replaced in tests. */
export interface Context {
  readonly paths: Paths
  /** Set while a signal of the terminal or the system asks to stop; `reason` is an `internal.cancelled` error. */
  readonly signal: AbortSignal
  readonly stdout: Output
  readonly stderr: Output
  readonly now: () => Date
  /** The command line after `instar`. */
  readonly argv: readonly string[]
  readonly cwd: string
  /** Whether we may do what only root may. */
  readonly isRoot: boolean
  /** The environment of the process. */
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface Output {
  write(text: string): void
  /** Writes bytes and waits until the reader has room for more. */
  writeBytes(bytes: Uint8Array): Promise<void>
  readonly isTerminal: boolean
  readonly columns: number
  /** Of a terminal that has told its size. */
  readonly rows?: number
}
