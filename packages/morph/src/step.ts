import type { Emit } from '@instar/contract'

/** Runs one step of a morph between its events; `step` is a sentence in the present. */
export async function runStep<T>(emit: Emit, step: string, work: () => Promise<T> | T): Promise<T> {
  emit({ kind: 'step', step, state: 'started' })
  try {
    const result = await work()
    emit({ kind: 'step', step, state: 'succeeded' })
    return result
  } catch (error) {
    emit({ kind: 'step', step, state: 'failed' })
    throw error
  }
}
