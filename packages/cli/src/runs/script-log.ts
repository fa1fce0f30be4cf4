import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import type { ScriptRun } from '@instar/contract'
import { InstarError } from '@instar/contract/errors'
import { printable } from '@instar/phases/text'
import type { Context } from '../context.ts'
import { RunStore } from './run-store.ts'
import { endOf } from './script-end.ts'
import { sortByStart } from './show.ts'

/** Prints what the scripts of a run wrote: with a heading each, or one stream as it came. */
export async function showScriptLog(
  context: Context,
  wanted: { id: string; script?: string; stream?: 'stdout' | 'stderr' },
): Promise<void> {
  const store = new RunStore(context.paths.stateDir)
  const run = await store.find(wanted.id)
  const all = sortByStart(await store.scriptRuns(run.id))
  const scripts = all.filter(({ name }) => wanted.script === undefined || name === wanted.script)
  if (scripts.length === 0 && wanted.script !== undefined) {
    const names = [...new Set(all.map(({ name }) => name))].join(', ')
    throw new InstarError('run.unknown', `run ${run.id} has no script "${wanted.script}"`, { hint: `Its scripts are: ${names || 'none'}.` })
  }
  if (scripts.length === 0)
    return context.stdout.write(
      `run ${run.id} ran no script on the minion; those for the first boot run in the replica: instar boot IMAGE\n`,
    )
  for (const script of scripts) {
    const file = join(store.folderOf(run.id), 'scripts', script.id)
    if (wanted.stream !== undefined) await copyOut(context, `${file}.${wanted.stream}`)
    else await printScript(context, script, file)
  }
}

async function printScript(context: Context, script: ScriptRun, file: string): Promise<void> {
  context.stdout.write(`== ${script.phase} ${script.order}: ${printable(script.name)}, attempt ${script.attempt}: ${endOf(script)}\n`)
  await copyOut(context, `${file}.stdout`)
  if (script.stderr_bytes > 0) {
    context.stdout.write('-- stderr\n')
    await copyOut(context, `${file}.stderr`)
  }
}

/** To a pipe byte for byte; to a terminal without what could control it. */
async function copyOut(context: Context, file: string): Promise<void> {
  const stream = createReadStream(file, { encoding: context.stdout.isTerminal ? 'utf8' : 'latin1' })
  let last = '\n'
  for await (const piece of stream as AsyncIterable<string>) {
    context.signal.throwIfAborted()
    last = piece.at(-1) ?? last
    if (context.stdout.isTerminal) context.stdout.write(piece.split('\n').map(printable).join('\n'))
    else await context.stdout.writeBytes(Buffer.from(piece, 'latin1'))
  }
  if (last !== '\n') context.stdout.write('\n')
}
