import type { Machine } from '@instar/machine'
import type { MorphRequest } from '../request.ts'

/** What looking at a guest needs; a morph's session is one. */
export interface FitWorld {
  readonly machine: Machine
  readonly signal: AbortSignal
  readonly request: Pick<MorphRequest, 'target'>
}
