import type { Engine } from './engine.ts'
import { followEvents } from './events/follow-events.ts'
import { assignTasks } from './execution/assign.ts'
import { cancelExecution, settleMinions } from './execution/cancel.ts'
import { createInfoStore } from './execution/info.ts'
import { startExecution } from './execution/start.ts'
import { openParts, type PartsOptions } from './open-parts.ts'
import { Asker } from './questions/ask.ts'
import { createScriptReader } from './scripts/reader.ts'
import { runWorker } from './worker/worker.ts'

/** Opens the engine. The queue's tables are made or updated on the way. */
export async function createEngine(options: PartsOptions): Promise<Engine> {
  await using stack = new AsyncDisposableStack()
  const parts = stack.use(await openParts(options))
  const asker = stack.use(new Asker(parts))
  const owned = stack.move()
  return {
    start: (trx, request) => startExecution(parts, trx, request),
    settleMinions: (trx, executionId, outcome) => settleMinions(parts, trx, executionId, outcome),
    assign: (trx, assignment) => assignTasks(parts, trx, assignment),
    cancel: (trx, executionId, { force }) => cancelExecution(parts, trx, executionId, force),
    isBusy: async (db, actionId) => {
      const active = db.selectFrom('executions').select('id').where('action_id', '=', actionId).where('ended_at', 'is', null)
      return (await active.limit(1).executeTakeFirst()) !== undefined
    },
    info: createInfoStore(parts.store.vault),
    ask: question => asker.ask(question),
    followEvents: request => followEvents(parts.store, request),
    scripts: createScriptReader(parts.store),
    work: options => runWorker(parts, options),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
