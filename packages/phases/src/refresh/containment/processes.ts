import { readFileSync, readdirSync } from 'node:fs'

/** A process as /proc shows it. */
export interface Process {
  readonly pid: number
  readonly parent: number
  /** Clock ticks since the boot: with the boot's id it tells a process from a later one of the same number. */
  readonly startTime: string
  /** A zombie has ended: it holds nothing and needs no signal. */
  readonly isZombie: boolean
  /** Of a zombie, as wait(2) tells it. */
  readonly waitStatus: number
}

/** What /proc/PID/stat says, or `undefined` when there is no such process (any more). */
export function readProcess(pid: number): Process | undefined {
  const stat = readOrUndefined(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The name stands in parentheses and may hold blanks and parentheses itself: fields are counted after the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return {
    pid,
    parent: Number(fields[1]),
    startTime: fields[19] ?? '',
    isZombie: fields[0] === 'Z' || fields[0] === 'X',
    waitStatus: Number(fields[49]),
  }
}

/** Whether it has not ended, and its number is not another's meanwhile. */
export function isAlive({ pid, startTime }: Pick<Process, 'pid' | 'startTime'>): boolean {
  const now = readProcess(pid)
  return now !== undefined && !now.isZombie && now.startTime === startTime
}

/** All processes that this user can see. */
export function listProcesses(): Process[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => readProcess(Number(name)))
    .filter(process => process !== undefined)
}

/** The environment that a process was started with, `NAME=VALUE` each; empty where it may not be read. */
export function environmentOf(pid: number): string[] {
  return readOrUndefined(`/proc/${pid}/environ`)?.split('\0') ?? []
}

/** The words of a process's command line, each ended by NUL; empty where there is no such process (any more), or of the kernel's. */
export function commandLineOf(pid: number): string {
  return readOrUndefined(`/proc/${pid}/cmdline`) ?? ''
}

/** "pid command line", for people. */
export function describeProcess(pid: number): string {
  const line = commandLineOf(pid).replaceAll('\0', ' ').trim()
  return `${pid} ${line === '' ? '(ended or without a command line)' : line}`
}

/** The processes of `roots` and all that descend from them. */
export function withDescendants(roots: ReadonlySet<number>, processes: readonly Process[]): Set<number> {
  const children = new Map<number, Process[]>()
  for (const process of processes) children.set(process.parent, [...(children.get(process.parent) ?? []), process])
  const found = new Set(roots)
  const queue = [...roots]
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    for (const child of children.get(pid) ?? []) {
      if (found.has(child.pid)) continue
      found.add(child.pid)
      queue.push(child.pid)
    }
  }
  return found
}

/** Sends a signal; a process that has ended meanwhile or belongs to another user is passed over. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'EPERM'))) throw error
  }
}

function readOrUndefined(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return undefined
  }
}
