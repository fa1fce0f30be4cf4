/** The world of `instar refresh`: made once by each of its two programs, replaced in tests. */
export interface RefreshIo {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Instar's state folder. */
  readonly stateDir: string
  readonly signal: AbortSignal
  readonly now: () => Date
  readonly stdout: RefreshOutput
  /** The file that `install` lets the units start. */
  readonly programFile: string
}

export interface RefreshOutput {
  write(text: string): void
  /** Writes bytes and waits until the reader has room for more. */
  writeBytes(bytes: Uint8Array): Promise<void>
  readonly isTerminal: boolean
}
