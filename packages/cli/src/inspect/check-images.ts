import { InstarError } from '@instar/contract/errors'
import { printable } from '@instar/phases/text'
import type { CheckOptions } from '../commands/check.ts'
import type { Context } from '../context.ts'
import { lookAtImages } from './look-at-images.ts'

const MARKS = { ok: '✓', warning: '!', fatal: '✗', unknown: '?' } as const

/** `instar check`: a line for each thing looked at, then the verdict. Gives 1 when the images will not boot as they are, else 0. */
export async function checkImages(context: Context, images: readonly string[], options: CheckOptions): Promise<number> {
  const { facts, verdict } = await lookAtImages(context, images, options)
  if (verdict === undefined) throw new InstarError('guest.unsupported', `the disks hold ${facts.name}, which is not judged yet`)
  if (options.json === true) {
    const lines = verdict.lines.map(({ isFixedByMorph, ...line }) => ({
      ...line,
      ...(isFixedByMorph === undefined ? {} : { is_fixed_by_morph: isFixedByMorph }),
    }))
    context.stdout.write(`${JSON.stringify({ version: 1, boots: verdict.boots, boots_after_morph: verdict.bootsAfterMorph, lines })}\n`)
  } else {
    for (const { area, state, message, hint, isFixedByMorph } of verdict.lines) {
      context.stdout.write(`${MARKS[state]} ${area}: ${printable(message)}${isFixedByMorph === true ? ' (a morph mends it)' : ''}\n`)
      if (hint !== undefined && state !== 'ok') context.stdout.write(`    hint: ${hint}\n`)
    }
    context.stdout.write(`\n${facts.name} on ${options.bus}: boots as it is: ${verdict.boots}; after a morph: ${verdict.bootsAfterMorph}\n`)
  }
  return verdict.boots === 'no' ? 1 : 0
}
