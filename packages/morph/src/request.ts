import { InstarError, type Emit, type MachinePhase } from '@instar/contract'
import type { ScriptSpec, Secret } from '@instar/contract/scripts'
import type { Machine } from '@instar/machine'
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
  readonly network: { readonly policy: 'keep' | 'dhcp'; readonly nics: readonly NicChange[] }
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

/** An interface before and after the move: MAC addresses in lower case with colons. */
export interface NicChange {
  readonly oldMac: string
  readonly newMac: string
}

/** What a morph needs of its surroundings. */
export interface MorphWorld {
  readonly machine: Machine
  readonly signal: AbortSignal
  readonly emit: Emit
  readonly recorder: ScriptRecorder
}

/** `--nic OLD=NEW`, each a MAC address in any usual form. */
export function parseNic(text: string): NicChange {
  const [oldMac, newMac, more] = text.split('=').map(mac => mac.trim().toLowerCase().replaceAll('-', ':'))
  const isMac = (mac: string | undefined): mac is string => mac !== undefined && /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(mac)
  if (!isMac(oldMac) || !isMac(newMac) || more !== undefined) {
    throw new InstarError('usage.bad-argument', `--nic "${text}" is not OLD=NEW, two MAC addresses like 52:54:00:12:34:56`)
  }
  return { oldMac, newMac }
}
