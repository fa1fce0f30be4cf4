/** One line of the doctor's report. `warning`: Instar works, but not everything or not well. */
export interface Finding {
  readonly name: string
  readonly state: 'ok' | 'missing' | 'too old' | 'failed' | 'warning'
  readonly found: string
  readonly hint: string
}

/** Whether all can be done that Instar promises. */
export function isGood({ state }: Finding): boolean {
  return state === 'ok' || state === 'warning'
}
