/** What is told of an error, the same for all places that report it. */
export interface ErrorEntry {
  /** Exit code of the CLI: 1 failed, 2 usage, 3 refused with nothing changed, 4 a user script failed, 5 time limit, 75 locked, 130 cancelled. */
  readonly exit: 1 | 2 | 3 | 4 | 5 | 75 | 130
  /** HTTP status of the service. */
  readonly status: number
  /** Whose turn it is: `user` (the request or the guest), `transient` (the same may work later; the only one an engine retries), `bug` (ours). */
  readonly fault: 'user' | 'transient' | 'bug'
  /** What the user can do about it. */
  readonly hint: string
}
