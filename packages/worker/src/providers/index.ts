import type { Provider } from './provider.ts'
import { simulator } from './simulator/simulator.ts'

/** Every platform that this release knows. A worker offers those that its configuration names. */
export const PROVIDERS: readonly Provider[] = [simulator]
