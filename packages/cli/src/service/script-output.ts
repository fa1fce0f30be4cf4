import type { ExecutionScriptRun } from '@instar/contract/api'
import { InstarError } from '@instar/contract/errors'
import { printable } from '@instar/phases/text'
import type { Context } from '../context.ts'

/** What a script printed, to a pipe byte for byte; to a terminal without what could control it. It ends with a line end. */
export async function copyBytes({ stdout }: Context, pieces: AsyncIterable<Buffer>): Promise<void> {
  const decoder = new TextDecoder()
  let last: number | undefined
  for await (const piece of pieces) {
    last = piece.at(-1) ?? last
    if (stdout.isTerminal) stdout.write(decoder.decode(piece, { stream: true }).split('\n').map(printable).join('\n'))
    else await stdout.writeBytes(piece)
  }
  if (last !== undefined && last !== 0x0a) stdout.write('\n')
}

/** Nothing of what was asked for has run. */
export function noScript({ id, script }: { id: string; script?: string }, all: readonly ExecutionScriptRun[]): InstarError {
  const names = [...new Set(all.map(({ name }) => name))].join(', ')
  return new InstarError('run.unknown', `${id} has ${script === undefined ? 'run no script' : `no script "${script}"`}`, {
    hint: names === '' ? 'See instar transfer plan and instar deployment plan for what would run.' : `Its scripts are: ${names}.`,
  })
}
