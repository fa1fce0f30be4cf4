export type CheckArea =
  | 'system'
  | 'firmware'
  | 'loader'
  | 'kernel'
  | 'initramfs'
  | 'root'
  | 'references'
  | 'filesystems'
  | 'space'
  | 'processor'
  | 'packages'

export interface CheckLine {
  readonly area: CheckArea
  /** `fatal`: it does not boot as it is; `unknown`: nobody could tell. */
  readonly state: 'ok' | 'warning' | 'fatal' | 'unknown'
  readonly message: string
  /** What the user can do. */
  readonly hint?: string
  /** Of a fatal line: the morph makes it right. */
  readonly isFixedByMorph?: boolean
}

export type Answer = 'yes' | 'no' | 'unknown'

export interface Verdict {
  /** As the guest is now, on the target asked for. */
  readonly boots: Answer
  /** After a morph without special wishes. */
  readonly bootsAfterMorph: Answer
  readonly lines: readonly CheckLine[]
}

/** A fatal line is a no; without one, an unknown line leaves the answer open; warnings do not count. */
export function combineLines(lines: readonly CheckLine[]): Verdict {
  const answer = (fatal: (line: CheckLine) => boolean): Answer => {
    if (lines.some(fatal)) return 'no'
    return lines.some(({ state }) => state === 'unknown') ? 'unknown' : 'yes'
  }
  return {
    boots: answer(({ state }) => state === 'fatal'),
    bootsAfterMorph: answer(({ state, isFixedByMorph }) => state === 'fatal' && isFixedByMorph !== true),
    lines,
  }
}
