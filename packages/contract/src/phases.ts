import { InstarError } from './errors.ts'

/** The phases of a machine's move, in the order in which they come. The first, second, third and last run on the minion. */
export const MACHINE_PHASES = [
  'osmorphing_pre_os_mount',
  'osmorphing_post_os_mount',
  'osmorphing_pre_os_dismount',
  'replica_first_boot',
  'osmorphing_on_error',
] as const

export type MachinePhase = (typeof MACHINE_PHASES)[number]

/** The phase of a script that names none: the rule of the v1 API. */
export const DEFAULT_PHASE: MachinePhase = 'osmorphing_post_os_mount'

/** The phases that morphing itself runs; `--skip-os-morphing` leaves them out. */
export const MORPHING_PHASES: readonly MachinePhase[] = MACHINE_PHASES.filter(phase => phase !== 'replica_first_boot')

/** Upstream's first announcement called the first boot so; its released code does not know the name. */
const ALIASES: Readonly<Record<string, MachinePhase>> = { replica_initial_boot: 'replica_first_boot' }

/** The canonical name of a phase as a user wrote it: `-` and `_` are the same, aliases are resolved. */
export function parsePhase(text: string): MachinePhase {
  const name = text.trim().replaceAll('-', '_').toLowerCase()
  const phase = ALIASES[name] ?? MACHINE_PHASES.find(known => known === name)
  if (phase === undefined) throw new InstarError('phase.unknown', `unknown phase "${text}"; there are ${MACHINE_PHASES.join(', ')}`)
  return phase
}

/** The phases of a live host, in the order in which they come. `error` is none of them: it runs when one of them fails. */
export const REFRESH_PHASES = ['pre-configure', 'configure', 'post-configure', 'migration'] as const

export type RefreshPhase = (typeof REFRESH_PHASES)[number]

/** The canonical name of a live host's phase as a user wrote it: `-` and `_` are the same. */
export function parseRefreshPhase(text: string): RefreshPhase {
  const name = text.trim().replaceAll('_', '-').toLowerCase()
  const phase = REFRESH_PHASES.find(known => known === name)
  if (phase === undefined) throw new InstarError('phase.unknown', `unknown phase "${text}"; there are ${REFRESH_PHASES.join(', ')}`)
  return phase
}
