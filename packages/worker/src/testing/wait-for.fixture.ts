import { setTimeout as sleep } from 'node:timers/promises'

/** What `look` finds, looked for until it is there; the limit is wide, for a loaded machine. */
export async function waitFor<T>(look: () => Promise<T | undefined>, what: string, limitMs = 120_000): Promise<T> {
  for (const end = performance.now() + limitMs; ; await sleep(20)) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > end) throw new Error(`waited ${limitMs / 1000} s for ${what}`)
  }
}
