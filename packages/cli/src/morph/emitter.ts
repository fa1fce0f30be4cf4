import type { Emit, EventBody, InstarEvent } from '@instar/contract'
import { reportError } from '@instar/phases/text'
import type { Context } from '../context.ts'
import type { RunStore } from '../runs/run-store.ts'
import type { View } from '../view/view.ts'

/** Of the progress of one step no more than this often is told; its end always is. */
const PROGRESS_EVERY_MS = 1000

/** Numbers the events of a run, shows them, and keeps all but script output (which has files of its own) in the run's folder. */
export function createEmitter(
  context: Context,
  run: { id: string; instance: string; store?: RunStore; view: View },
): { readonly emit: Emit; readonly flush: () => Promise<void> } {
  let seq = 0
  let told = { key: '', at: -Infinity }
  const isTooSoon = ({ kind, step, percent, message }: EventBody): boolean => {
    if (kind !== 'progress') return false
    const key = `${step} ${percent === 100} ${percent === undefined ? message : ''}`
    const now = performance.now()
    if (key === told.key && (percent === 100 || now - told.at < PROGRESS_EVERY_MS)) return true
    told = { key, at: now }
    return false
  }
  const show = (body: EventBody): InstarEvent => {
    seq += 1
    const event: InstarEvent = { version: 1, seq, at: context.now().toISOString(), run_id: run.id, instance: run.instance, ...body }
    run.view.take(event)
    return event
  }
  let saved: Promise<void> = Promise.resolve()
  let canSave = true
  const save = async (store: RunStore, event: InstarEvent): Promise<void> => {
    if (!canSave) return
    try {
      await store.appendEvent(event)
    } catch (error) {
      // A run is worth more than its log; what it needs to write itself fails where it is written.
      canSave = false
      show({ kind: 'warning', message: `events of this run are kept no more: ${reportError(error).message}` })
    }
  }
  return {
    emit: body => {
      if (isTooSoon(body)) return
      const event = show(body)
      const { store } = run
      if (store !== undefined && event.kind !== 'output' && event.kind !== 'progress') saved = saved.then(() => save(store, event))
    },
    flush: () => saved,
  }
}
