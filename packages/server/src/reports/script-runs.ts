import { Readable } from 'node:stream'
import { InstarError } from '@instar/contract'
import type { ExecutionScriptRun, RouteName } from '@instar/contract/api'
import type { OutputExtent, StoredScriptRun } from '@instar/engine'
import type { ApiDeps, Db } from '../api-deps.ts'
import { requireDeployment } from '../deployments/deployment.ts'
import type { Call, Handlers } from '../http/call.ts'
import { notFound, rowId } from '../lists/row.ts'
import { readRange, type ByteRange } from './byte-range.ts'

/** Records of scripts and what they printed. */
export function scriptRunRoutes({ store: { db }, engine }: ApiDeps) {
  const list = async (executionId: string) => ({ script_runs: (await engine.scripts.list(executionId)).map(scriptRunObject) })
  const find = async ({ projectId, params }: { projectId: string; params: { script_run_id: string } }) => {
    const run = await engine.scripts.find(projectId, rowId(params.script_run_id))
    if (run === undefined) throw notFound('script run', params.script_run_id)
    return run
  }
  return {
    'scriptRuns.ofExecution': async ({ params, projectId }) => list(await requireAnyExecution(db, projectId, params.execution_id)),
    'scriptRuns.ofDeployment': async ({ params, projectId }) => {
      const { id } = await requireDeployment(db, projectId, params.deployment_id)
      const execution = await db.selectFrom('executions').select('id').where('action_id', '=', id).executeTakeFirst()
      return execution === undefined ? { script_runs: [] } : list(execution.id)
    },
    'scriptRuns.show': async call => ({ script_run: scriptRunObject(await find(call)) }),
    'scriptRuns.output': async call => {
      const { run } = await find(call)
      const stream = call.query.stream ?? 'stdout'
      const extent = await engine.scripts.describe(run.id, stream)
      const follow = call.query.follow === true && !extent.hasEnded
      const header = call.request.headers.range
      // Who follows may ask for what comes after all that is there.
      const comesNext = follow && header === `bytes=${extent.sizeBytes}-`
      const range = header === undefined || comesNext ? undefined : readRange(header, extent.sizeBytes)
      const { from, to } = range ?? { from: comesNext ? extent.sizeBytes : 0, to: undefined }
      const bytes = engine.scripts.read({
        scriptRunId: run.id,
        stream,
        from,
        ...(to === undefined || follow ? {} : { to }),
        follow,
        signal: call.signal,
      })
      sendOutput(call, bytes, { extent, range: follow ? undefined : range, isWhole: !follow })
    },
  } satisfies Partial<Handlers<RouteName>>
}

/** An execution of any kind of the project, also one of a deployment. Throws `api.not-found`. */
export async function requireAnyExecution(db: Db, projectId: string, id: string): Promise<string> {
  const row = await db
    .selectFrom('executions')
    .select('id')
    .where('id', '=', rowId(id))
    .where('project_id', '=', projectId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (row === undefined) throw notFound('execution', id)
  return row.id
}

function scriptRunObject({ executionId, taskId, instance, run }: StoredScriptRun): ExecutionScriptRun {
  return { ...run, instance, execution_id: executionId, task_id: taskId }
}

interface OutputAnswer {
  readonly extent: OutputExtent
  readonly range: ByteRange | undefined
  readonly isWhole: boolean
}

/** Streams the bytes as they come from the database. Of a stream with a gap in the middle the header tells where it is. */
function sendOutput(
  { reply, request, signal }: Call<'scriptRuns.output'>,
  bytes: AsyncIterable<Buffer>,
  { extent, range, isWhole }: OutputAnswer,
): void {
  const { sizeBytes, leftOut } = extent
  const isLengthKnown = isWhole && leftOut === null
  const length = range === undefined ? sizeBytes : range.to - range.from
  const headers = {
    'content-type': 'application/octet-stream',
    'x-openstack-request-id': request.id,
    'accept-ranges': 'bytes',
    // Output is hostile: no browser may take it for a page.
    'x-content-type-options': 'nosniff',
    ...(isLengthKnown ? { 'content-length': length } : {}),
    ...(range === undefined ? {} : { 'content-range': `bytes ${range.from}-${range.to - 1}/${sizeBytes}` }),
    ...(leftOut === null ? {} : { 'x-instar-left-out': `bytes ${leftOut.from}-${leftOut.to - 1}` }),
  }
  if (range !== undefined && (range.from >= sizeBytes || range.to <= range.from)) {
    throw new InstarError('api.bad-range', `the output has ${sizeBytes} bytes; there is nothing in the range ${range.from}-`)
  }
  reply.hijack()
  reply.raw.writeHead(range === undefined ? 200 : 206, headers)
  reply.raw.flushHeaders()
  Readable.from(bytes, { signal })
    .on('error', () => reply.raw.destroy())
    .pipe(reply.raw)
}
