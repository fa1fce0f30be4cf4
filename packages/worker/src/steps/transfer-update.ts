import type { StepContext } from '@instar/engine'
import type { Own } from '../providers/provider.ts'
import { destinationStep, parseSettings, sourceStep } from './side.ts'
import { readExportInfo, readMappings, readOwn, readVolumes } from './step-info.ts'

/** The new settings are tried here; they become visible on the transfer when all of these tasks have completed. */
export const updateSource = sourceStep(async ({ half, call, context }) => {
  call.progress('Trying the new settings at the source')
  const { source_environment } = await loadChanges(context)
  const newEnvironment = parseSettings(half.environment, source_environment ?? {}, 'new source environment') as Own
  const volumes = readVolumes(context.info)
  // Nothing was copied yet that could stand against them, and what the machine is like is asked at the same time as this runs.
  if (!half.update || volumes.length === 0) return undefined
  return { volumes_info: await half.update(call, { exportInfo: readExportInfo(context.info, call.instance), volumes, newEnvironment }) }
})

export const updateDestination = destinationStep(async ({ half, call, context }) => {
  call.progress('Trying the new settings at the destination')
  const { destination_environment, network_map, storage_mappings } = await loadChanges(context)
  const given = readMappings({ ...destination_environment, network_map, storage_mappings })
  const newEnvironment = parseSettings(half.environment, given.settings, 'new destination environment') as Own
  const request = { exportInfo: readExportInfo(context.info, call.instance), volumes: readVolumes(context.info), newEnvironment }
  const newCall = { ...call, networkMap: given.networkMap, storageMappings: given.storageMappings }
  return { volumes_info: (await half.update?.(newCall, request)) ?? request.volumes }
})

interface Changes {
  readonly source_environment?: Own
  readonly destination_environment?: Own
  readonly network_map?: Own
  readonly storage_mappings?: Own
}

async function loadChanges({ store, execution }: StepContext): Promise<Changes> {
  const { changes } = await store.db
    .selectFrom('transfer_updates')
    .select('changes')
    .where('execution_id', '=', execution.id)
    .executeTakeFirstOrThrow()
  return readOwn({ changes: store.vault.open(changes, `transfer_updates:${execution.id}:changes`) }, 'changes') ?? {}
}
