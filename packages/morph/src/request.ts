import { InstarError, type Emit, type MachinePhase } from '@instar/contract'
import type { ScriptSpec, Secret } from '@instar/contract/scripts'
import type { Machine } from '@instar/machine'
import type { NicMapping } from './network/match-nics.ts'
import type { ScriptRecorder } from './scripts/recorder.ts'
import type { LuksKey } from './storage/keys.ts'

/** What is to be done with one machine's disks. */
export interface MorphRequest {
  readonly runId: string
  readonly instance: string
  /** In the order in which they run. */
  readonly scripts: readonly ScriptSpec[]
  readonly secrets: readonly Secret[]
  readonly keys: readonly LuksKey[]
  readonly target: MorphTarget
  /** The root file system, where the guest leaves a choice: a device of the minion or `UUID=...`. */
  readonly root?: string
  readonly network: { readonly policy: 'keep' | 'dhcp'; readonly nics: readonly NicMapping[] }
  readonly packages: { readonly install: readonly string[]; readonly remove: readonly string[] }
  /** Leaves the OS as it is: only first-boot scripts are registered. */
  readonly skipOsMorphing: boolean
  /** A run that goes on: scripts before this one were done on the same layer. Pre-mount scripts run again, as what they opened is gone. */
  readonly resumeAt?: { readonly phase: MachinePhase; readonly order: number }
}

/** Where the machine will run. Without a firmware it keeps the guest's own. */
export interface MorphTarget {
  readonly bus: 'virtio' | 'nvme' | 'scsi' | 'sata'
  readonly firmware?: 'bios' | 'uefi'
}

/** What a morph needs of its surroundings. */
export interface MorphWorld {
  readonly machine: Machine
  readonly signal: AbortSignal
  readonly emit: Emit
  readonly recorder: ScriptRecorder
}

/** `--nic OLD=NEW`: the card's old MAC address or interface name, and its new MAC address; `--nic NEW` where the old one is not known. */
export function parseNic(text: string): NicMapping {
  const at = text.lastIndexOf('=')
  const newMac = readMac(text.slice(at + 1))
  if (newMac === undefined || at === 0) {
    throw new InstarError(
      'usage.bad-argument',
      `--nic "${text}" is not OLD=NEW: a MAC address like 52:54:00:12:34:56, or for OLD an interface's name`,
    )
  }
  if (at < 0) return { newMac }
  const old = text.slice(0, at).trim()
  const oldMac = readMac(old)
  return oldMac === undefined ? { newMac, oldName: old } : { newMac, oldMac }
}

/** A MAC address in any usual form, in lower case with colons. */
function readMac(text: string): string | undefined {
  const mac = text.trim().toLowerCase().replaceAll('-', ':')
  return /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(mac) ? mac : undefined
}
