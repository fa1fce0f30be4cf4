import { sql, type Transaction } from 'kysely'
import { jsonText, type Database } from '@instar/store'
import type { StartRequest } from '../engine.ts'
import type { EngineParts } from '../parts.ts'
import type { PlannedStep } from '../plans/planned-step.ts'
import { cutMessage } from '../events/cut-message.ts'
import { EVENTS_CHANNEL, writeEvents } from '../events/write-events.ts'
import { normalize } from '../delivery/requirements.ts'
import { applyEvent, notifyOf } from './apply.ts'
import { loadBoard } from './board.ts'

/** Upstream counts from 2, and clients only sort by it. */
const FIRST_INDEX = 2

/** Stores the plan and sends its first tasks: see `Engine.start`. */
export async function startExecution(parts: EngineParts, trx: Transaction<Database>, request: StartRequest): Promise<string> {
  requireSound(request.steps)
  const executionId = parts.newId()
  const { action } = request
  await sql`insert into executions (id, action_id, project_id, user_id, kind, number, state, options, spans_instances)
    select ${executionId}, ${action.id}, ${action.projectId}, ${action.userId}, ${request.kind}, coalesce(max(number), 0) + 1,
      ${request.awaitingMinions === true ? 'awaiting_minions' : 'running'}, ${jsonText(request.options ?? {})}::jsonb, ${spansInstances(request.steps)}
    from executions where action_id = ${action.id}`.execute(trx)
  await insertTasks(parts, trx, executionId, request)
  await tellRemarks(parts, trx, executionId, request)
  const state = request.awaitingMinions === true ? 'awaiting_minions' : 'running'
  await trx
    .updateTable('actions')
    .set({ last_execution_state: state, updated_at: sql`now()` })
    .where('id', '=', action.id)
    .execute()
  if (request.awaitingMinions !== true) await beginExecution(parts, trx, executionId)
  return executionId
}

/** Sends the tasks that wait for nothing. */
export async function beginExecution(parts: EngineParts, trx: Transaction<Database>, executionId: string): Promise<void> {
  const board = await loadBoard(trx, executionId)
  if (board !== undefined) await notifyOf(parts, trx, await applyEvent(parts, trx, board, { kind: 'begun' }))
}

async function insertTasks(parts: EngineParts, trx: Transaction<Database>, executionId: string, request: StartRequest): Promise<void> {
  const ids = request.steps.map(() => parts.newId())
  const queueOf = new Map<string, string>()
  for (const { requires } of request.steps) {
    const text = JSON.stringify(normalize(requires))
    if (!queueOf.has(text)) queueOf.set(text, await parts.queues.ensure(requires))
  }
  const rows = request.steps.map((step, place) => ({
    id: ids[place],
    instance: step.instance,
    type: step.type,
    idx: FIRST_INDEX + place,
    rule: step.rule,
    depends_on: step.needs.map(need => ids[need]),
    is_barrier: step.barrier === true,
    state: step.rule === 'error' ? 'dormant' : 'waiting',
    requires: normalize(step.requires),
    endpoints: [...new Set(step.requires.flatMap(({ side }) => request.endpoints?.[side] ?? []))],
    queue: queueOf.get(JSON.stringify(normalize(step.requires))),
  }))
  await sql`insert into tasks (id, execution_id, project_id, instance, type, idx, rule, depends_on, is_barrier, state, requires, endpoints, queue)
    select id, ${executionId}, ${request.action.projectId}, instance, type, idx, rule, depends_on, is_barrier, state, requires, endpoints, queue
    from jsonb_to_recordset(${jsonText(rows)}::jsonb) as r (id uuid, instance text, type text, idx int, rule text, depends_on uuid[],
      is_barrier boolean, state text, requires jsonb, endpoints uuid[], queue text)`.execute(trx)
}

async function tellRemarks(parts: EngineParts, trx: Transaction<Database>, executionId: string, request: StartRequest): Promise<void> {
  const { remarks = [], action } = request
  if (remarks.length === 0) return
  const told = remarks.map((remark, idx) => ({ ...remark, message: cutMessage(remark.message), idx, id: parts.newId() }))
  await sql`insert into task_events (task_id, idx, id, level, message)
    select first.id, r.idx, r.id, r.level, r.message
    from jsonb_to_recordset(${jsonText(told)}::jsonb) as r (instance text, idx int, id uuid, level text, message text),
      lateral (select id from tasks t where t.execution_id = ${executionId} and t.instance = r.instance order by t.idx limit 1) as first`.execute(
    trx,
  )
  const bodies = told.map(({ level, instance, message }) => ({
    kind: level === 'WARNING' ? ('warning' as const) : ('progress' as const),
    instance,
    message,
  }))
  await writeEvents(trx, { projectId: action.projectId, executionId }, bodies)
  await parts.store.notify(trx, EVENTS_CHANNEL, action.projectId)
}

function spansInstances(steps: readonly PlannedStep[]): boolean {
  return steps.some(step => step.needs.some(need => steps[need]?.instance !== step.instance))
}

/** A plan that the rules could not bring to an end is a defect of the plan. */
function requireSound(steps: readonly PlannedStep[]): void {
  if (steps.length === 0) throw new TypeError('a plan has at least one step')
  for (const [place, step] of steps.entries()) {
    const parents = step.needs.map(need => (need < place ? steps[need] : undefined))
    if (parents.includes(undefined)) throw new TypeError(`step ${place} (${step.type}) needs a step that does not stand before it`)
    if (step.rule !== 'error' && parents.some(parent => parent?.rule === 'error'))
      throw new TypeError(`step ${place} (${step.type}) would wait for ever for a clean-up that only failures wake`)
  }
}
