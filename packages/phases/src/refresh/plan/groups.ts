import { haveSameNumber } from '../../run-parts/order.ts'
import type { Script } from '../run/script.ts'

/** Scripts in the sets that may run at the same time: each alone, or equal numbers together. */
export function groupScripts(scripts: readonly Script[], isParallel: boolean): Script[][] {
  const groups: Script[][] = []
  for (const script of scripts) {
    const last = groups.at(-1)
    if (isParallel && last?.[0] !== undefined && haveSameNumber(last[0].name, script.name)) last.push(script)
    else groups.push([script])
  }
  return groups
}
