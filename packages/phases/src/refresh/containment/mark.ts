import { environmentOf, listProcesses, withDescendants } from './processes.ts'

/** Ids of the runs that a process belongs to, outermost first: a script may start a run of its own. */
const VARIABLE = 'INSTAR_REFRESH_RUNS'

/** What is put into the environment of all that a run starts, so that its processes are found again in /proc wherever they went. */
export function markOf(runId: string, environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const outer = environment[VARIABLE]
  return { [VARIABLE]: outer === undefined || outer === '' ? runId : `${outer} ${runId}` }
}

/**
 * The processes that carry the run's mark, and what descends from them (which may have dropped its environment), this process apart.
 * `variables` narrow it down, `others` are taken in with their descendants. One that both left the tree and dropped its environment is not found: only a cgroup has it.
 */
export function markedProcesses(
  runId: string,
  variables: Readonly<Record<string, string>> = {},
  others: readonly number[] = [],
): Set<number> {
  const processes = listProcesses().filter(({ isZombie }) => !isZombie)
  const wanted = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  const marked = processes.filter(({ pid }) => {
    const environment = environmentOf(pid)
    return environment.some(entry => carries(entry, runId)) && wanted.every(entry => environment.includes(entry))
  })
  const found = withDescendants(new Set([...marked.map(({ pid }) => pid), ...others]), processes)
  found.delete(process.pid)
  return found
}

function carries(entry: string, runId: string): boolean {
  return (
    entry.startsWith(`${VARIABLE}=`) &&
    entry
      .slice(VARIABLE.length + 1)
      .split(' ')
      .includes(runId)
  )
}
