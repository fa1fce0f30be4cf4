import { environmentOf, listProcesses, withDescendants } from '../refresh/containment/processes.ts'

/** The living children of a process. */
export function childrenOf(parent: number): number[] {
  return livingProcesses()
    .filter(process => process.parent === parent)
    .map(({ pid }) => pid)
}

/** Living children, their children and so on; not the process itself. What lost its parent on the way is not found. */
export function descendantsOf(ancestor: number): number[] {
  const found = withDescendants(new Set([ancestor]), livingProcesses())
  found.delete(ancestor)
  return [...found]
}

/** The living processes in whose environment, as it was at their start, this variable has this value. */
export function processesMarked(name: string, value: string): number[] {
  return livingProcesses()
    .map(({ pid }) => pid)
    .filter(pid => environmentOf(pid).includes(`${name}=${value}`))
}

function livingProcesses() {
  return listProcesses().filter(({ isZombie }) => !isZombie)
}
