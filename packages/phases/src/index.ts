export type { MachinePhase } from '@instar/contract/phases'
