import { readlinkSync } from 'node:fs'
import { identityOf, thisProcess } from '../process-identity.ts'

/** A process, told apart from later ones of the same number. It stands in the name of what the process may leave behind. */
export interface Owner {
  readonly pid: number
  /** Clock ticks since boot. */
  readonly startTicks: string
  /** Numbers of processes mean something only inside their namespace. */
  readonly namespace: string
  /** The first 8 digits of the boot's id. */
  readonly boot: string
}

const TAG = /^(\d{1,10})-(\d{1,20})-(\d{1,20})-([0-9a-f]{8})$/

/** Our own process. */
export function thisOwner(): Owner {
  const { pid, start_time: startTicks, boot_id: bootId } = thisProcess()
  return { pid, startTicks, namespace: namespaceId(), boot: bootId.slice(0, 8) }
}

export function formatOwner(owner: Owner): string {
  return `${owner.pid}-${owner.startTicks}-${owner.namespace}-${owner.boot}`
}

/** Reads what `formatOwner` wrote; `undefined` for any other text. */
export function parseOwner(text: string): Owner | undefined {
  const [, pid, startTicks, namespace, boot] = TAG.exec(text) ?? []
  if (pid === undefined || startTicks === undefined || namespace === undefined || boot === undefined) return undefined
  return { pid: Number(pid), startTicks, namespace, boot }
}

/** False only for a process that is surely gone: one of another PID namespace of this boot may live, for all that we see. */
export function mayBeAlive(owner: Owner): boolean {
  const here = thisOwner()
  if (owner.boot !== here.boot) return false
  if (owner.namespace !== here.namespace) return true
  return identityOf(owner.pid)?.start_time === owner.startTicks
}

/** A name for a temporary file that shows its owner, so that another run can remove it once the owner is dead. */
export function temporaryName(suffix: string): string {
  return `.instar-${formatOwner(thisOwner())}-${suffix}.tmp`
}

/** The owner of a temporary file by its name; `undefined` for files that are not ours. */
export function ownerOfTemporary(name: string): Owner | undefined {
  const [, tag] = /^\.instar-([0-9a-f-]+)-[0-9A-Za-z]{6,8}\.tmp$/.exec(name) ?? []
  return tag === undefined ? undefined : parseOwner(tag)
}

function namespaceId(): string {
  return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0'
}
