import type { Random } from './random.ts'

/** One parser, or several that read the same thing, with samples of what they are made for. */
export interface FuzzTarget {
  readonly name: string
  readonly samples: readonly Buffer[]
  /** Must give a value or throw an error of ours. What else it promises it may check with assertions. */
  readonly run: (input: Buffer, at: FuzzCase) => unknown
  /** Errors besides ours that its callers expect, by the name of their class. */
  readonly expects?: readonly string[]
}

export interface FuzzCase {
  /** Which sample the input was made of. */
  readonly sample: number
  readonly random: Random
  /** A folder of the worker's own, for parsers that read files. */
  readonly folder: string
  readonly signal: AbortSignal
}

/** A target of text: its samples and its input as one character a byte, as guest files are held. */
export function textTarget(
  name: string,
  samples: readonly string[],
  run: (text: string, at: FuzzCase) => unknown,
  options: Pick<FuzzTarget, 'expects'> = {},
): FuzzTarget {
  return { name, samples: samples.map(text => Buffer.from(text)), run: (input, at) => run(input.toString('latin1'), at), ...options }
}
