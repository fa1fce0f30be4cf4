export { openNbd } from './nbd-client.ts'
export type { NbdClient, NbdTarget } from './nbd-client.ts'
export { STRETCH_NUMBERS } from '../images/stretches.ts'
export { ABSENT, CLUSTER_BYTES, FIRST_DATA_CLUSTER, ZERO, clustersOf } from '../qcow2/cluster-map.ts'
