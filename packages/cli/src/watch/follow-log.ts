import type { Deployment, Execution, ExecutionScriptRun } from '@instar/contract/api'
import { isFinalExecution } from '@instar/contract/statuses'
import type { Context } from '../context.ts'
import type { Api } from '../service/api.ts'
import { statusOf } from '../service/refusal.ts'
import { copyBytes, noScript } from '../service/script-output.ts'
import { followOutput, isAtWork, readScriptRun } from './output-stream.ts'
import { readScriptRuns, ScriptFeed } from './script-feed.ts'
import { untilFinal } from './until-final.ts'

export interface FollowedLog {
  readonly id: string
  /** Only scripts of this name. */
  readonly script?: string
  /** Only this stream, as it came: one script after the other. */
  readonly stream?: 'stdout' | 'stderr'
}

/** What is followed, as a look at it shows it. */
interface Look {
  readonly isFinal: boolean
  readonly executionId: string | undefined
}

interface Source {
  readonly read: () => Promise<Look>
  readonly runs: () => Promise<readonly ExecutionScriptRun[]>
}

/** Prints what the scripts of an execution, of a deployment, or one script run prints, as they begin and as it comes, until that has ended. */
export async function followLog(context: Context, api: Api, wanted: FollowedLog): Promise<void> {
  const ended = new AbortController()
  const signal = AbortSignal.any([context.signal, ended.signal])
  const source = await findSource(api, wanted.id)
  const seen = new Map<string, ExecutionScriptRun>()
  const read = async () => {
    const all = await source.runs()
    for (const run of all) seen.set(run.id, run)
    return all.filter(({ name }) => wanted.script === undefined || name === wanted.script)
  }
  const show =
    wanted.stream === undefined ? linesOf(context, api, { read, signal }) : bytesOf(context, api, { read, signal }, wanted.stream)
  try {
    await untilFinal(
      api,
      {
        read: source.read,
        isFinal: ({ isFinal }) => isFinal,
        events: ({ executionId }) => (executionId === undefined ? undefined : `executions/${executionId}/events`),
        show,
        say: line => context.stderr.write(`${line}\n`),
      },
      signal,
    )
  } finally {
    // A stream that is still open would keep the process.
    ended.abort()
  }
  const all = [...seen.values()]
  if (!all.some(({ name }) => wanted.script === undefined || name === wanted.script)) throw noScript(wanted, all)
}

async function findSource(api: Api, id: string): Promise<Source> {
  const execution = async () => {
    const { execution: now } = await api.get<{ execution: Execution }>(await api.ownPath(`executions/${id}`))
    return { isFinal: isFinalExecution(now.status), executionId: id }
  }
  const deployment = async () => {
    const { deployment: now } = await api.get<{ deployment: Deployment }>(`deployments/${id}`)
    return { isFinal: isFinalExecution(now.last_execution_status), executionId: now.tasks?.[0]?.execution_id }
  }
  const scriptRun = async () => {
    const run = await readScriptRun(api, id)
    return { isFinal: !isAtWork(run), executionId: run.execution_id }
  }
  if (await isThere(execution)) return { read: execution, runs: () => readScriptRuns(api, `executions/${id}/script-runs`) }
  if (await isThere(deployment)) return { read: deployment, runs: () => readScriptRuns(api, `deployments/${id}/script-runs`) }
  return { read: scriptRun, runs: async () => [await readScriptRun(api, id)] }
}

async function isThere(read: () => Promise<Look>): Promise<boolean> {
  try {
    await read()
    return true
  } catch (error) {
    if (statusOf(error) === 404) return false
    throw error
  }
}

interface Scripts {
  readonly read: () => Promise<readonly ExecutionScriptRun[]>
  readonly signal: AbortSignal
}

/** Both streams of all scripts at once, line by line and marked. */
function linesOf({ stdout }: Context, api: Api, scripts: Scripts): () => Promise<void> {
  const feed = new ScriptFeed(api, { ...scripts, say: line => stdout.write(`${line}\n`) })
  return async () => {
    await feed.showEnded()
    feed.showBegun()
  }
}

/** One stream of the scripts, byte for byte, in the order in which they began. */
function bytesOf(context: Context, api: Api, { read, signal }: Scripts, stream: 'stdout' | 'stderr'): () => Promise<void> {
  const shown = new Set<string>()
  return async () => {
    for (const run of await read()) {
      if (shown.has(run.id)) continue
      shown.add(run.id)
      await copyBytes(context, followOutput(api, { run, stream }, signal))
    }
  }
}
