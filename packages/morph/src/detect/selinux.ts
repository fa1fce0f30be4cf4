import type { GuestTree } from '../tree/guest-tree.ts'
import { findProgram, known } from './known.ts'
import { parseShellValues } from './shell-values.ts'

export interface SelinuxState {
  /** As configured for the next boot; "absent" when the guest has no program that loads a policy. */
  readonly mode: 'enforcing' | 'permissive' | 'disabled' | 'absent'
  /** The policy: "targeted". */
  readonly policy?: string
}

export function detectSelinux(tree: GuestTree): SelinuxState {
  const text = known(() => tree.read('/etc/selinux/config'))
  if (text === undefined || findProgram(tree, 'load_policy') === undefined) return { mode: 'absent' }
  const values = parseShellValues(text)
  const mode = values.get('SELINUX')?.trim().toLowerCase()
  const policy = values.get('SELINUXTYPE')?.trim() ?? 'targeted'
  if (mode === 'permissive' || mode === 'disabled') return { mode, policy }
  // libselinux takes anything else for enforcing where a policy is installed.
  return { mode: 'enforcing', policy }
}
