import { readFileSync } from 'node:fs'
import { isAlive, readProcess } from '../containment/processes.ts'
import type { Owner } from './records.ts'

/** Changes with every boot: of a container too, which shares the kernel's id with its host but has a first process of its own. */
export function bootIdentity(): string {
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}.${readProcess(1)?.startTime ?? ''}`
}

export function thisProcess(boot = bootIdentity()): Owner {
  return { pid: process.pid, start_time: readProcess(process.pid)?.startTime ?? '', boot_id: boot }
}

/** Whether the process that wrote this still runs: not another one with its number. */
export function isOwnerAlive(owner: Owner, boot = bootIdentity()): boolean {
  return owner.boot_id === boot && isAlive({ pid: owner.pid, startTime: owner.start_time })
}
