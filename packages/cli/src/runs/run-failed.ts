/** What ended a run, so that the last lines a user sees tell where to look further. */
export class RunFailed extends Error {
  override readonly name = 'RunFailed'
  /** A command that shows more. */
  readonly see: string

  constructor(runId: string, cause: unknown, see = `instar run show ${runId}`) {
    super(`run ${runId} failed`, { cause })
    this.see = see
  }
}
