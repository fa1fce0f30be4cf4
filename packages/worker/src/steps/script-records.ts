import { createHash } from 'node:crypto'
import type { Emit, ScriptRun } from '@instar/contract'
import type { StepContext } from '@instar/engine'
import type { ScriptRecorder } from '@instar/morph'

/** Records and events of a morph in the form of the service, whose records have UUIDs: the same for the same script run of an execution. */
export function serviceRecords(context: StepContext): { readonly recorder: ScriptRecorder; readonly emit: Emit } {
  const named = (run: ScriptRun): ScriptRun => ({ ...run, id: uuidOf(context.execution.id, run.id) })
  return {
    recorder: {
      open: async (run, payload) => {
        const log = await context.scripts.open(named(run), payload)
        return { place: log.place, write: (stream, piece) => log.write(stream, piece), close: done => log.close(named(done)) }
      },
    },
    emit: event => {
      const id = event.script_run_id
      context.emit(id === undefined ? event : { ...event, script_run_id: uuidOf(context.execution.id, id) })
    },
  }
}

/** A UUID of version 8, whose bits are our own to choose. */
function uuidOf(scope: string, id: string): string {
  const hex = createHash('sha256').update(`${scope} ${id}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
