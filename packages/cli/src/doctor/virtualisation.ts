import { access, constants } from 'node:fs/promises'
import { reportError } from '@instar/phases/text'
import type { Context } from '../context.ts'
import type { Finding } from './finding.ts'

const MAX_LETTERS = 200
const NAME = 'virtualisation'

/** How things stand with /dev/kvm, before any guest is tried. */
export type KvmDevice = 'absent' | 'closed' | 'open'

/** Boots the appliance as a command would, which builds it where it is not there yet; what goes wrong with that is the finding. */
export async function checkVirtualisation(context: Context): Promise<Finding> {
  const { probeAccelerator } = await import('@instar/machine')
  const { paths, signal, stderr } = context
  try {
    const accel = await probeAccelerator({ ...paths, signal, onProgress: message => stderr.write(`${message}\n`) })
    return describeAccelerator(accel, await kvmDevice())
  } catch (error) {
    signal.throwIfAborted()
    const { message, hint } = reportError(error)
    return { name: NAME, state: 'failed', found: `no appliance starts: ${shortened(message)}`, hint }
  }
}

/** The first and the last of what may be the many words of a program. */
function shortened(message: string): string {
  const lines = message.split('\n')
  return [lines[0]!, ...lines.slice(1).slice(-1)].join(' … ').slice(0, MAX_LETTERS)
}

/** What an answer of the probe means to the user of this machine. */
export function describeAccelerator(accel: 'kvm' | 'tcg', device: KvmDevice): Finding {
  if (accel === 'kvm') return { name: NAME, state: 'ok', found: 'kvm', hint: '' }
  const slow = 'works, about ten times slower than KVM'
  switch (device) {
    case 'absent':
      return {
        name: NAME,
        state: 'warning',
        found: 'tcg (emulation): there is no /dev/kvm',
        hint: `${slow}; switch virtualisation on in the firmware or, for a virtual machine, at its host`,
      }
    case 'closed':
      return {
        name: NAME,
        state: 'warning',
        found: 'tcg (emulation): /dev/kvm may not be opened',
        hint: `${slow}; give this user access to /dev/kvm (group kvm)`,
      }
    case 'open':
      return {
        name: NAME,
        state: 'warning',
        found: 'tcg (emulation): /dev/kvm is there, but no guest starts under it',
        hint: `${slow}; often so in a virtual machine whose host passes virtualisation on only in part`,
      }
  }
}

async function kvmDevice(): Promise<KvmDevice> {
  try {
    await access('/dev/kvm', constants.R_OK | constants.W_OK)
    return 'open'
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'absent' : 'closed'
  }
}
