/** A script of a phase directory, in its place. */
export interface Script {
  readonly name: string
  readonly path: string
  /** From 1. */
  readonly order: number
}
