import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

const PREFIX = 'instar-refresh-'

/** Each time another run began in the moment between the making and the first process. */
const MOST_REMADE = 5

/** The subgroup in which the service unit starts us (DelegateSubgroup=): its parent is ours, and free to give controllers to its children. */
export const SUPERVISOR_GROUP = 'instar-supervisor'

/** Where this process stands in the hierarchy of version 2, as a directory; `undefined` where there is none that we see. */
export function ownCgroup(mountInfo: string, selfCgroup: string): string | undefined {
  const path = /^0::(\/.*)$/m.exec(selfCgroup)?.[1]
  // A path that leads out of our cgroup namespace is not below any mount that we see.
  if (path === undefined || path.startsWith('/..')) return undefined
  for (const line of mountInfo.split('\n')) {
    const [mount = '', fileSystem = ''] = line.split(' - ')
    if (!fileSystem.startsWith('cgroup2 ')) continue
    const [root = '/', at = ''] = mount.split(' ').slice(3, 5)
    const inside = root === '/' ? path : path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : undefined
    if (inside !== undefined) return join(unescapeMount(at), inside).replace(/\/$/, '')
  }
  return undefined
}

/** A cgroup for one run. */
export class RunCgroup {
  readonly dir: string

  private constructor(dir: string) {
    this.dir = dir
  }

  /** Makes the group below the one we are in, after empty ones of earlier runs are removed. Throws where that is not allowed. */
  static create(runId: string, own = ownCgroup(readFileSync('/proc/self/mountinfo', 'utf8'), readFileSync('/proc/self/cgroup', 'utf8'))) {
    if (own === undefined) throw new Error('no cgroup hierarchy of version 2 is mounted')
    const isDelegated = basename(own) === SUPERVISOR_GROUP
    const parent = isDelegated ? dirname(own) : own
    if (isDelegated) ignoreErrors(() => writeFileSync(join(parent, 'cgroup.subtree_control'), '+memory'))
    for (const name of readdirSync(parent)) if (name.startsWith(PREFIX)) ignoreErrors(() => rmdirSync(join(parent, name)))
    const dir = join(parent, `${PREFIX}${runId}`)
    // It is there already when a run goes on after the reboot of a container whose daemons stayed.
    if (!existsSync(dir)) mkdirSync(dir)
    return new RunCgroup(dir)
  }

  /**
   * Moves a process, and with it what it will start, into the group. Costs some milliseconds in the kernel: once for each shell, not script.
   * Gives whether the group had to be made anew: while no shell is in it, another run that begins takes it for one of the past.
   */
  adopt(pid: number): boolean {
    for (let made = 0; ; made += 1) {
      try {
        writeFileSync(join(this.dir, 'cgroup.procs'), String(pid))
        return made > 0
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || made === MOST_REMADE) throw error
        mkdirSync(this.dir)
      }
    }
  }

  pids(): number[] {
    try {
      return readFileSync(join(this.dir, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number)
    } catch {
      return []
    }
  }

  /** SIGKILL for all at once: nothing can be born meanwhile. Does nothing on a kernel before 5.14. */
  kill(): void {
    ignoreErrors(() => writeFileSync(join(this.dir, 'cgroup.kill'), '1'))
  }

  /** Removes the group when nothing is left in it: daemons keep it, and the next run that finds it empty removes it. */
  remove(): void {
    ignoreErrors(() => rmdirSync(this.dir))
  }
}

function ignoreErrors(act: () => void): void {
  try {
    act()
  } catch {
    // What cannot be done here is done another way, or by the next run.
  }
}

/** mountinfo writes blanks and the like as octal. */
function unescapeMount(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCodePoint(Number.parseInt(digits, 8)))
}
