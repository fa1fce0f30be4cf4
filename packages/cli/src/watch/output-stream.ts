import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionScriptRun } from '@instar/contract/api'
import { findKnown } from '@instar/phases/text'
import type { Api } from '../service/api.ts'
import { isTransient, statusOf } from '../service/refusal.ts'

/** Before the output is asked for again after the connection was lost. */
const AGAIN_MS = 500

export interface OutputOf {
  readonly run: ExecutionScriptRun
  readonly stream: 'stdout' | 'stderr'
}

/** What a script prints to one stream, as it comes and to its end; where the connection or the service was away, from where it broke off. */
export async function* followOutput(api: Api, { run, stream }: OutputOf, signal: AbortSignal): AsyncGenerator<Buffer> {
  let from = 0
  for (;;) {
    try {
      for await (const piece of await open(api, { run, stream }, { from, signal })) {
        from += piece.length
        yield piece
      }
      if (!isAtWork(run) || !isAtWork(await readScriptRun(api, run.id))) return
    } catch (error) {
      if (signal.aborted || !isLost(error)) throw error
    }
    await sleep(AGAIN_MS, undefined, { signal })
  }
}

export function isAtWork({ ended_at, interrupted }: ExecutionScriptRun): boolean {
  return ended_at === null && !interrupted
}

export async function readScriptRun(api: Api, id: string): Promise<ExecutionScriptRun> {
  return (await api.get<{ script_run: ExecutionScriptRun }>(await api.ownPath(`script-runs/${id}`))).script_run
}

async function open(
  api: Api,
  { run, stream }: OutputOf,
  { from, signal }: { from: number; signal: AbortSignal },
): Promise<AsyncIterable<Buffer>> {
  const path = await api.ownPath(`script-runs/${run.id}/output`)
  const headers = { accept: '*/*', ...(from > 0 ? { range: `bytes=${from}-` } : {}) }
  try {
    // No limit to its silence: a script may say nothing for an hour.
    return await api.open('GET', path, { query: { stream, follow: true }, headers, timeoutMs: 0, signal })
  } catch (error) {
    // It ended without another word.
    if (statusOf(error) === 416) return new ReadableStream<Buffer>({ start: controller => controller.close() })
    throw error
  }
}

/** Whether it was the connection or the service that broke off: `aborted` is what node:http says of an answer without its end. */
function isLost(error: unknown): boolean {
  const isCutOff = findKnown(error) === undefined && error instanceof Error && 'code' in error && error.code === 'ECONNRESET'
  return isCutOff || isTransient(error)
}
