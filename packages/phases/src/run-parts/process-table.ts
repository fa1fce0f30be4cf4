import { readFileSync, readdirSync } from 'node:fs'

/** The process ids of this moment, read from /proc. */
export function allProcesses(): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
}

/** The children of a process that has not been waited for itself; ended ones that wait for their parent (zombies) are left out. */
export function childrenOf(parent: number): number[] {
  return allProcesses().filter(pid => parentOf(pid) === parent)
}

/** Children, their children and so on; not the process itself. What lost its parent on the way is not found. */
export function descendantsOf(ancestor: number): number[] {
  // Not Map.groupBy, which Node 20 lacks.
  const byParent = new Map<number, number[]>()
  for (const pid of allProcesses()) {
    const parent = parentOf(pid)
    if (parent !== undefined) byParent.set(parent, [...(byParent.get(parent) ?? []), pid])
  }
  const found: number[] = []
  const queue = [ancestor]
  for (const parent of queue) {
    const children = byParent.get(parent) ?? []
    found.push(...children)
    queue.push(...children)
  }
  return found
}

/** The living processes in whose environment, as it was at their start, this variable has this value. */
export function processesMarked(name: string, value: string): number[] {
  const wanted = Buffer.from(`\0${name}=${value}\0`)
  return allProcesses().filter(pid => {
    try {
      return Buffer.concat([Buffer.from([0]), readFileSync(`/proc/${pid}/environ`), Buffer.from([0])]).includes(wanted)
    } catch {
      // Gone meanwhile, or another user's.
      return false
    }
  })
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may hold blanks and parentheses itself.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' || state === 'X' ? undefined : Number(parent)
  } catch {
    return undefined
  }
}
