import type { Emit, EventBody, InstarEvent } from '@instar/contract'
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
  let saved: Promise<void> = Promise.resolve()
  return {
    emit: body => {
      if (isTooSoon(body)) return
      seq += 1
      const event: InstarEvent = { version: 1, seq, at: context.now().toISOString(), run_id: run.id, instance: run.instance, ...body }
      run.view.take(event)
      const { store } = run
      if (store !== undefined && event.kind !== 'output' && event.kind !== 'progress') saved = saved.then(() => store.appendEvent(event))
    },
    flush: () => saved,
  }
}
