import { CAPABILITIES, type Capability, type PlatformOffer } from '@instar/contract/api'
import type { Provider } from './provider.ts'
import { connectionSchema, settingsSchema } from './settings.ts'

/** Where in a provider each capability is. */
const HAS: Record<Capability, (provider: Provider) => boolean> = {
  transferImport: provider => provider.destination !== undefined,
  transferExport: provider => provider.source !== undefined,
  endpoint: provider => provider.connection !== undefined,
  endpointInstances: provider => provider.source !== undefined,
  osMorphing: provider => provider.destination?.morphing !== undefined,
  endpointNetworks: provider => provider.destination?.listNetworks !== undefined,
  instanceFlavor: provider => provider.destination?.findFlavor !== undefined,
  destinationOptions: provider => provider.destination?.listOptions !== undefined,
  validateTransferExport: provider => provider.source !== undefined,
  validateTransferImport: provider => provider.destination !== undefined,
  endpointStorage: provider => provider.destination?.listStorage !== undefined,
  sourceTransferUpdate: provider => provider.source?.update !== undefined,
  sourceOptions: provider => provider.source?.listOptions !== undefined,
  destinationTransferUpdate: provider => provider.destination?.update !== undefined,
  sourceMinionPool: provider => provider.sourcePool !== undefined,
  destinationMinionPool: provider => provider.destinationPool !== undefined,
  endpointInventory: provider => provider.inventory !== undefined,
}

/** What the service is told of a provider: its capability numbers in rising order, and the schemas of its settings. */
export function offerOf(provider: Provider): PlatformOffer {
  const types = (Object.keys(HAS) as Capability[])
    .filter(name => HAS[name](provider))
    .map(name => CAPABILITIES[name])
    .sort((a, b) => a - b)
  const { source, destination, sourcePool, destinationPool } = provider
  return {
    types,
    schemas: {
      connection_info_schema: connectionSchema(provider.connection),
      ...(source && { source_environment_schema: settingsSchema(source.environment) }),
      ...(destination && { destination_environment_schema: settingsSchema(destination.environment) }),
      ...(sourcePool && { source_minion_pool_environment_schema: settingsSchema(sourcePool.environment) }),
      ...(destinationPool && { destination_minion_pool_environment_schema: settingsSchema(destinationPool.environment) }),
    },
  }
}
