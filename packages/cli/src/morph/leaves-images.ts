import type { MorphReport } from '@instar/morph'
import type { MorphTask } from './prepare-task.ts'

/**
 * Whether images are left as they are, byte for byte, because nothing was changed in them: a commit would write the times and counters of a
 * mount. A new image is written all the same, and the layer of an earlier run holds what that one did.
 */
export function leavesImages(
  { isUnchanged }: Pick<MorphReport, 'isUnchanged'>,
  { options, isResumed }: Pick<MorphTask, 'options' | 'isResumed'>,
): boolean {
  return isUnchanged && options.output === undefined && options.minion === undefined && !isResumed
}
