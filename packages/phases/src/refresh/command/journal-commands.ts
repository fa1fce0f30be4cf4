import { InstarError } from '@instar/contract/errors'
import { printable } from '../../text/index.ts'
import { RefreshStore } from '../journal/store.ts'
import { findScripts, renderLog, renderRun, scriptOutput } from '../view/show-run.ts'
import type { Values } from './arguments.ts'
import type { RefreshIo } from './io.ts'
import { flag, text } from './request.ts'

/** `instar refresh log`. */
export function logCommand(values: Values, io: RefreshIo): number {
  const runs = new RefreshStore(io.stateDir).list()
  io.stdout.write(flag(values, 'json') ? runs.map(run => `${JSON.stringify(run)}\n`).join('') : renderLog(runs))
  return 0
}

/** `instar refresh show RUN [SCRIPT]`. */
export async function showCommand(values: Values, [runName = '', scriptName]: readonly string[], io: RefreshIo): Promise<number> {
  const store = new RefreshStore(io.stateDir)
  const run = store.find(runName)
  const stream = text(values, 'stream')
  if (stream !== undefined && scriptName === undefined && !flag(values, 'output'))
    throw new InstarError('usage.bad-argument', '--stream belongs to a script, or to --output')
  if (flag(values, 'json')) {
    const scripts = scriptName === undefined ? run.scripts : findScripts(run, scriptName)
    io.stdout.write(`${JSON.stringify({ ...run, scripts })}\n`)
    return 0
  }
  if (scriptName === undefined && stream === undefined) io.stdout.write(renderRun(run))
  const wanted = scriptName === undefined ? (flag(values, 'output') ? run.scripts : []) : findScripts(run, scriptName)
  const only = stream === 'stdout' || stream === 'stderr' ? stream : undefined
  for (const script of wanted) for (const piece of scriptOutput(store.folderOf(run.id), script, only)) await print(io, piece)
  return 0
}

/** To a pipe byte for byte; to a terminal without what could control it. */
async function print({ stdout }: RefreshIo, piece: Buffer): Promise<void> {
  if (!stdout.isTerminal) return stdout.writeBytes(piece)
  stdout.write(piece.toString('utf8').split('\n').map(printable).join('\n'))
}
