import type { Command } from 'commander'
import { InstarError } from '@instar/contract/errors'
import type { JsonObject } from '../output/json-option.ts'
import { readActionFile, type ActionFile } from './action-file.ts'
import { diskFields, placeFields, withPoolIds, type DiskOptions, type PlaceOptions } from './action-options.ts'
import type { Api } from './api.ts'
import { endpointId } from './look-up.ts'
import { namesScripts, readUserScripts, type ScriptFlags } from './user-scripts.ts'

export interface UpdateOptions extends PlaceOptions, DiskOptions, ScriptFlags {}

export interface CreateOptions extends UpdateOptions {
  readonly file?: string
  readonly originEndpoint?: string
  readonly destinationEndpoint?: string
  readonly instance?: readonly string[]
  readonly scenario?: string
}

/** The keys that a file of `transfer create` may have, beside `user_scripts`. The endpoints may be given by name. */
const FILE_KEYS = [
  'origin_endpoint',
  'origin_endpoint_id',
  'destination_endpoint',
  'destination_endpoint_id',
  'instances',
  'scenario',
  'notes',
  'source_environment',
  'destination_environment',
  'network_map',
  'storage_mappings',
  'origin_minion_pool_id',
  'destination_minion_pool_id',
  'instance_osmorphing_minion_pool_mappings',
  'clone_disks',
  'skip_os_morphing',
]

const NO_FILE: ActionFile = { fields: {}, scripts: undefined }

/** The body of `transfer create`: what options say stands above what the file says; scripts of both are put together, the file's first. */
export async function createBody(api: Api, command: Command, options: CreateOptions): Promise<JsonObject> {
  const file = options.file === undefined ? NO_FILE : await readActionFile(options.file, FILE_KEYS)
  const { origin_endpoint, origin_endpoint_id, destination_endpoint, destination_endpoint_id, ...fields } = file.fields
  const origin = wanted(options.originEndpoint ?? origin_endpoint ?? origin_endpoint_id, '--origin-endpoint')
  const destination = wanted(options.destinationEndpoint ?? destination_endpoint ?? destination_endpoint_id, '--destination-endpoint')
  const instances = options.instance ?? fields['instances']
  if (!isNames(instances)) throw new InstarError('usage.bad-argument', 'no machine is named: --instance is not given')
  return {
    scenario: 'replica',
    storage_mappings: {},
    ...(await withPoolIds(api, { ...fields, ...(await placeFields(command, options)), ...diskFields(options) })),
    ...(options.scenario === undefined ? {} : { scenario: options.scenario }),
    instances,
    user_scripts: readUserScripts(options, { mayUnregister: false, instances }, file.scripts ?? undefined),
    origin_endpoint_id: await endpointId(api, origin),
    destination_endpoint_id: await endpointId(api, destination),
  }
}

/** The body of `transfer update`. The machines are looked up only where a script names one. */
export async function updateBody(api: Api, command: Command, { id, options }: { id: string; options: UpdateOptions }): Promise<JsonObject> {
  const body = await withPoolIds(api, { ...(await placeFields(command, options)), ...diskFields(options) })
  if (!namesScripts(options)) {
    if (Object.keys(body).length === 0) throw new InstarError('usage.bad-argument', 'no option says what is to change')
    return body
  }
  const instances = options.userScriptInstance === undefined ? [] : await instancesOf(api, id)
  return { ...body, user_scripts: readUserScripts(options, { mayUnregister: true, instances }) }
}

export async function instancesOf(api: Api, transfer: string): Promise<readonly string[]> {
  return (await api.get<{ transfer: { instances: string[] } }>(`transfers/${transfer}`)).transfer.instances
}

function wanted(value: unknown, option: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw new InstarError('usage.bad-argument', `no endpoint is named: ${option} is not given`)
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every(name => typeof name === 'string')
}
