/** What a provider can do, as the numbers of the wire: each a bit, sent as a list of single numbers and never as a sum. */
export const CAPABILITIES = {
  transferImport: 4,
  transferExport: 8,
  endpoint: 16,
  endpointInstances: 32,
  osMorphing: 64,
  endpointNetworks: 128,
  instanceFlavor: 256,
  destinationOptions: 512,
  validateTransferExport: 4096,
  validateTransferImport: 16384,
  endpointStorage: 32768,
  sourceTransferUpdate: 65536,
  sourceOptions: 131072,
  destinationTransferUpdate: 262144,
  sourceMinionPool: 524288,
  destinationMinionPool: 1048576,
  endpointInventory: 2097152,
} as const
export type Capability = keyof typeof CAPABILITIES

/** What a capability number means to a user; the numbers that are not here say nothing to him. */
export const CAPABILITY_NAMES: Readonly<Record<number, string>> = {
  4: 'Transfer Destination',
  8: 'Transfer Source',
  16: 'Endpoints',
  32: 'Listing Instances',
  64: 'OS Morphing',
  128: 'Listing Networks',
  512: 'Listing Destination Options',
  32768: 'Listing Storage',
  65536: 'Source Update',
  131072: 'Listing Source Options',
  262144: 'Destination Update',
  524288: 'Source Minion Pools',
  1048576: 'Destination Minion Pools',
  2097152: 'Inventory',
}

/** Under which key `GET providers/{platform}/schemas/{type}` answers; the other types answer an empty object. */
export const SCHEMA_KEYS = {
  16: 'connection_info_schema',
  4: 'destination_environment_schema',
  8: 'source_environment_schema',
  524288: 'source_minion_pool_environment_schema',
  1048576: 'destination_minion_pool_environment_schema',
} as const satisfies Record<number, string>

/** What a worker tells of one platform when it registers: the capability numbers, and a JSON Schema under each key of SCHEMA_KEYS that it has. */
export interface PlatformOffer {
  readonly types: readonly number[]
  readonly schemas: Readonly<Partial<Record<(typeof SCHEMA_KEYS)[keyof typeof SCHEMA_KEYS], Readonly<Record<string, unknown>>>>>
}
