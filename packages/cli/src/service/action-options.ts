import { Option, type Command } from 'commander'
import { InstarError } from '@instar/contract/errors'
import { repeatable } from '../commands/options.ts'
import { addJsonOption, readJsonOption, type JsonObject } from '../output/json-option.ts'
import type { Api } from './api.ts'
import { poolFinder } from './look-up.ts'

// The options that transfers and deployments share, and what they say in a body. An option that is not given says nothing.

const MAPPINGS = 'instance_osmorphing_minion_pool_mappings'

export interface DiskOptions {
  readonly cloneDisks?: boolean
  readonly dontCloneDisks?: boolean
  readonly skipOsMorphing?: boolean
  readonly osMorphing?: boolean
  readonly osmorphingMinionPoolMapping?: readonly string[]
}

export function addDiskOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--clone-disks', 'deploy from copies of the disks, so that they can be executed and deployed again').conflicts(
        'dontCloneDisks',
      ),
    )
    .addOption(new Option('--dont-clone-disks', 'deploy the disks themselves'))
    .addOption(new Option('--skip-os-morphing', 'leave the OS as it is').conflicts('osMorphing'))
    .addOption(new Option('--os-morphing', 'fit the OS to its new platform'))
    .option(
      '--osmorphing-minion-pool-mapping <machine=pool>',
      'pool whose minion morphs this machine, its id or name; repeatable',
      repeatable,
    )
}

export function diskFields(options: DiskOptions): JsonObject {
  const clone = options.cloneDisks === true ? true : options.dontCloneDisks === true ? false : undefined
  const skip = options.skipOsMorphing === true ? true : options.osMorphing === true ? false : undefined
  const pools = options.osmorphingMinionPoolMapping?.map(argument => splitPair(argument, '--osmorphing-minion-pool-mapping'))
  return {
    ...(clone === undefined ? {} : { clone_disks: clone }),
    ...(skip === undefined ? {} : { skip_os_morphing: skip }),
    ...(pools === undefined ? {} : { [MAPPINGS]: Object.fromEntries(pools) }),
  }
}

/** A body with the ids of the pools that it names, whether a file or an option does. */
export async function withPoolIds(api: Api, body: JsonObject): Promise<JsonObject> {
  const find = poolFinder(api)
  const idOf = async (pool: unknown) => (typeof pool === 'string' && pool !== '' ? find(pool) : pool)
  const idsOf = async (pools: object) =>
    Object.fromEntries(await Promise.all(Object.entries(pools).map(async ([machine, pool]) => [machine, await idOf(pool)] as const)))
  const found = await idsOf(pick(body, ['origin_minion_pool_id', 'destination_minion_pool_id']))
  const mappings = body[MAPPINGS]
  return { ...body, ...found, ...(typeof mappings === 'object' && mappings !== null ? { [MAPPINGS]: await idsOf(mappings) } : {}) }
}

function pick(body: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([key]) => keys.includes(key)))
}

export interface PlaceOptions {
  readonly notes?: string
  readonly originMinionPoolId?: string
  readonly destinationMinionPoolId?: string
  readonly defaultStorageBackend?: string
  readonly diskStorageMapping?: readonly string[]
  readonly storageBackendMapping?: readonly string[]
}

/** Environments, networks, storage, pools and notes of a transfer. */
export function addPlaceOptions(command: Command): Command {
  command.option('--notes <text>', 'what it is for; a transfer can be named by it')
  addJsonOption(command, 'source-environment', 'settings of the source platform')
  addJsonOption(command, 'destination-environment', 'settings of the destination platform')
  addJsonOption(command, 'network-map', 'network of the source -> network of the destination')
  return command
    .option('--default-storage-backend <name>', 'where disks go that no other option names')
    .option('--disk-storage-mapping <disk=storage>', 'where this disk goes; repeatable', repeatable)
    .option('--storage-backend-mapping <source=storage>', 'where the disks of this storage go; repeatable', repeatable)
    .option('--origin-minion-pool-id <pool>', 'pool whose minions read the disks: id or name ("" on an update: none)')
    .option('--destination-minion-pool-id <pool>', 'pool whose minions write the disks: id or name ("" on an update: none)')
}

export async function placeFields(command: Command, options: PlaceOptions): Promise<JsonObject> {
  const [source, destination, networks] = [
    await readJsonOption(command, 'source-environment'),
    await readJsonOption(command, 'destination-environment'),
    await readJsonOption(command, 'network-map'),
  ]
  const storage = storageFields(options)
  return {
    ...(options.notes === undefined ? {} : { notes: options.notes }),
    ...(source === undefined ? {} : { source_environment: source }),
    ...(destination === undefined ? {} : { destination_environment: destination }),
    ...(networks === undefined ? {} : { network_map: networks }),
    ...(storage === undefined ? {} : { storage_mappings: storage }),
    ...(options.originMinionPoolId === undefined ? {} : { origin_minion_pool_id: options.originMinionPoolId || null }),
    ...(options.destinationMinionPoolId === undefined ? {} : { destination_minion_pool_id: options.destinationMinionPoolId || null }),
  }
}

function storageFields({ defaultStorageBackend, diskStorageMapping, storageBackendMapping }: PlaceOptions): JsonObject | undefined {
  if (defaultStorageBackend === undefined && diskStorageMapping === undefined && storageBackendMapping === undefined) return undefined
  const disks = diskStorageMapping?.map(argument => splitPair(argument, '--disk-storage-mapping'))
  const backends = storageBackendMapping?.map(argument => splitPair(argument, '--storage-backend-mapping'))
  return {
    ...(defaultStorageBackend === undefined ? {} : { default: defaultStorageBackend }),
    ...(disks === undefined ? {} : { disk_mappings: disks.map(([disk_id, destination]) => ({ disk_id, destination })) }),
    ...(backends === undefined ? {} : { backend_mappings: backends.map(([source, destination]) => ({ source, destination })) }),
  }
}

/** `NAME=VALUE`, cut at the last `=`: names of machines and disks may hold one. */
function splitPair(argument: string, option: string): [string, string] {
  const at = argument.lastIndexOf('=')
  if (at > 0 && at < argument.length - 1) return [argument.slice(0, at), argument.slice(at + 1)]
  throw new InstarError('usage.bad-argument', `${option} "${argument}" is not NAME=VALUE`)
}

/** The options that name scripts for the service. */
export function addUserScriptOptions(command: Command): Command {
  return command
    .option('--user-script-global <os=path[,phase=name]>', 'script for all machines of an OS type; repeatable', repeatable)
    .option('--user-script-instance <name=path[,phase=name]>', 'script for the machine of this name; repeatable', repeatable)
    .option('--merge', "run the global scripts first, then a machine's own (default: its own shadow them)")
}
