import { InstarError } from '@instar/contract/errors'
import type { JsonObject } from '../output/json-option.ts'
import { readActionFile, type ActionFile } from './action-file.ts'
import { diskFields, withPoolIds, type DiskOptions } from './action-options.ts'
import type { Api } from './api.ts'
import { deploymentId } from './look-up.ts'
import { instancesOf } from './transfer-body.ts'
import { namesScripts, readUserScripts, type ScriptFlags } from './user-scripts.ts'

export interface DeployOptions extends DiskOptions, ScriptFlags {
  readonly file?: string
  readonly force?: boolean
  /** False when `--no-user-scripts` was given. */
  readonly userScripts: boolean
  readonly resumeFrom?: string
}

const FILE_KEYS = ['transfer_id', 'force', 'clone_disks', 'skip_os_morphing', 'instance_osmorphing_minion_pool_mappings', 'resume_from']
const NO_FILE: ActionFile = { fields: {}, scripts: undefined }

/** The body of `deployment create`. Null means "as the transfer has it"; Coriolis' own client, which says nothing, says two empty maps: no scripts. */
export async function deploymentBody(
  api: Api,
  transfer: string | undefined,
  options: DeployOptions,
  lookUp: (wanted: string) => Promise<string>,
): Promise<JsonObject> {
  const file = options.file === undefined ? NO_FILE : await readActionFile(options.file, FILE_KEYS)
  const wanted = transfer ?? file.fields['transfer_id']
  if (typeof wanted !== 'string') throw new InstarError('usage.bad-argument', 'no transfer is named')
  const transfer_id = await lookUp(wanted)
  return {
    clone_disks: null,
    skip_os_morphing: null,
    ...(await withPoolIds(api, { ...file.fields, ...diskFields(options) })),
    ...(options.resumeFrom === undefined ? {} : { resume_from: await deploymentId(api, options.resumeFrom) }),
    transfer_id,
    force: options.force === true || file.fields['force'] === true,
    user_scripts: await scriptsOf(api, transfer_id, { options, file }),
  }
}

async function scriptsOf(
  api: Api,
  transfer: string,
  { options, file }: { options: DeployOptions; file: ActionFile },
): Promise<JsonObject | null> {
  if (!options.userScripts) {
    if (namesScripts(options)) throw new InstarError('usage.bad-argument', '--no-user-scripts contradicts the options that name scripts')
    return { global: {}, instances: {} }
  }
  if (!namesScripts(options) && (file.scripts ?? null) === null) return null
  const instances = options.userScriptInstance === undefined ? [] : await instancesOf(api, transfer)
  return { ...readUserScripts(options, { mayUnregister: false, instances }, file.scripts ?? undefined) }
}
