import type { ExecutionScriptRun } from '@instar/contract/api'
import { InstarError } from '@instar/contract/errors'
import { printable } from '@instar/phases/text'
import type { Context } from '../context.ts'
import { endOf } from '../runs/script-end.ts'
import { readScriptRun } from '../watch/output-stream.ts'
import { findScriptRuns } from '../watch/script-feed.ts'
import type { Api } from './api.ts'
import { statusOf } from './refusal.ts'
import { copyBytes, noScript } from './script-output.ts'

interface WantedLog {
  readonly id: string
  readonly script?: string
  readonly stream?: 'stdout' | 'stderr'
}

/** Prints what scripts of the service have printed so far: with a heading each, or one stream as it came. */
export async function showServiceLog(context: Context, api: Api, wanted: WantedLog): Promise<void> {
  const all = await runsOf(api, wanted.id)
  const runs = all.filter(({ name }) => wanted.script === undefined || name === wanted.script)
  if (runs.length === 0) throw noScript(wanted, all)
  for (const run of runs) {
    if (wanted.stream !== undefined) {
      await copyOutput(context, api, run, wanted.stream)
      continue
    }
    const name = `${printable(run.instance)}: ${run.phase} ${run.order}: ${printable(run.name)}`
    context.stdout.write(`== ${name}, attempt ${run.attempt}: ${endOf(run)}\n`)
    await copyOutput(context, api, run, 'stdout')
    if (run.stderr_bytes === 0 && run.ended_at !== null) continue
    context.stdout.write('-- stderr\n')
    await copyOutput(context, api, run, 'stderr')
  }
}

/** The runs that an id names: those of an execution, those of a deployment, or one. Throws `api.not-found` when it is the id of none. */
export async function runsOf(api: Api, id: string): Promise<readonly ExecutionScriptRun[]> {
  for (const path of [`executions/${id}/script-runs`, `deployments/${id}/script-runs`]) {
    const runs = await findScriptRuns(api, path)
    if (runs !== undefined) return runs
  }
  try {
    return [await readScriptRun(api, id)]
  } catch (cause) {
    if (statusOf(cause) !== 404) throw cause
    throw new InstarError('api.not-found', `there is no execution, deployment or script run ${id}`, { cause })
  }
}

async function copyOutput(context: Context, api: Api, { id }: ExecutionScriptRun, stream: 'stdout' | 'stderr'): Promise<void> {
  const path = await api.ownPath(`script-runs/${id}/output`)
  await copyBytes(context, await api.open('GET', path, { query: { stream }, headers: { accept: '*/*' } }))
}
