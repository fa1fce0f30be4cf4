import type { Emit } from '@instar/contract'
import type { DiskImagesTask } from './destination.ts'

/** Shows the events of a morph to those who follow the execution, and its steps and warnings with its task too. */
export function tellMorph(call: Pick<DiskImagesTask, 'progress' | 'event'>, emit: Emit): Emit {
  return event => {
    emit(event)
    if (event.kind === 'step' && event.state === 'started' && event.step !== undefined) call.progress(event.step)
    if (event.kind === 'warning' && event.message !== undefined) call.event('WARNING', event.message)
  }
}
