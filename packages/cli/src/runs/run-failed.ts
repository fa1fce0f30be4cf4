/** What ended a run, with the run's id, so that the last lines a user sees tell where to look further. */
export class RunFailed extends Error {
  override readonly name = 'RunFailed'
  readonly runId: string

  constructor(runId: string, cause: unknown) {
    super(`run ${runId} failed`, { cause })
    this.runId = runId
  }
}
