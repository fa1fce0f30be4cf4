import { readFile, readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { InstarError } from '@instar/contract/errors'
import type { MachinePhase } from '@instar/contract/phases'
import {
  DEFAULT_TIMEOUT_S,
  compareFolderScripts,
  fitPayload,
  parseGlobalFlag,
  parseInstanceFlag,
  parseScriptFlag,
  parseSecretFlag,
  readFolderScript,
  type FolderScript,
  type GivenScripts,
  type OsType,
  type ScriptSource,
  type ScriptSpec,
  type Secret,
} from '@instar/contract/scripts'
import { decodeText } from './decode-text.ts'

/** The flags that name scripts, as the command line gave them. */
export interface ScriptFlags {
  readonly script: readonly string[]
  readonly userScriptsDir?: string
  readonly userScriptGlobal: readonly string[]
  readonly userScriptInstance: readonly string[]
}

export interface CollectedScripts extends GivenScripts {
  /** Files of the folder that are no scripts, with the reason. */
  readonly ignoredFiles: readonly { readonly path: string; readonly reason: string }[]
}

/** A payload larger than this is a mistake: scripts are text. */
const MAX_SCRIPT_BYTES = 4 * 1024 * 1024

/** Parses every flag before it reads any file, then reads all files; nothing is started when one of them is wrong. */
export async function collectScripts(flags: ScriptFlags, instance: string): Promise<CollectedScripts> {
  const create = { mayUnregister: false, knownInstances: [instance] }
  const own = flags.script.map(parseScriptFlag)
  const global = flags.userScriptGlobal.map(argument => parseGlobalFlag(argument, create))
  const instances = flags.userScriptInstance.map(argument => parseInstanceFlag(argument, create))
  const folder = flags.userScriptsDir === undefined ? { scripts: [], ignoredFiles: [] } : await readFolder(flags.userScriptsDir)
  return {
    ignoredFiles: folder.ignoredFiles,
    own: [
      ...folder.scripts,
      ...(await Promise.all(
        own.map(async flag => ({ script: { ...(await loadScript(flag.path, flag.phase, 'instance')), ...flagRules(flag) } })),
      )),
    ],
    global: await Promise.all(
      global.flatMap(flag =>
        flag.kind === 'unregister'
          ? []
          : [loadScript(flag.path, flag.phase, 'global', flag.key).then(script => ({ osType: flag.key, script }))],
      ),
    ),
    instances: await Promise.all(
      instances.flatMap(flag =>
        flag.kind === 'unregister' ? [] : [loadScript(flag.path, flag.phase, 'instance').then(script => ({ instance: flag.key, script }))],
      ),
    ),
  }
}

function flagRules(flag: ReturnType<typeof parseScriptFlag>): Partial<ScriptSpec> {
  const { timeoutS, retries, onFailure, env, name } = flag
  return { timeoutS, retries, onFailure, env, ...(name === undefined ? {} : { name }) }
}

async function loadScript(path: string, phase: MachinePhase, source: ScriptSource, osType: OsType = 'linux'): Promise<ScriptSpec> {
  const payload = fitPayload(decodeText(await readSmallFile(path, 'script.unreadable', MAX_SCRIPT_BYTES), path), osType, path)
  return { name: basename(path), phase, source, payload, timeoutS: DEFAULT_TIMEOUT_S, retries: 0, onFailure: 'abort', env: {} }
}

async function readFolder(
  dir: string,
): Promise<{ scripts: { osType?: OsType; script: ScriptSpec }[]; ignoredFiles: { path: string; reason: string }[] }> {
  const files = (await Promise.all((await listFolder(dir)).map(folder => listPhaseFolder(dir, folder)))).flat()
  const found = files
    .map(file => ({ path: file.path, entry: readFolderScript(file.folder, file.name) }))
    .filter((file): file is { path: string; entry: Extract<FolderScript, { kind: 'script' }> } => file.entry.kind === 'script')
    .sort((a, b) => compareFolderScripts(a.entry, b.entry))
  const scripts = await Promise.all(
    found.map(async ({ path, entry }) => ({
      ...(entry.osType === undefined ? {} : { osType: entry.osType }),
      script: await loadScript(path, entry.phase, 'dir', entry.osType),
    })),
  )
  const ignoredFiles = files.flatMap(({ path, folder, name }) => {
    const entry = readFolderScript(folder, name)
    return entry.kind === 'ignored' ? [{ path, reason: entry.reason }] : []
  })
  return { scripts, ignoredFiles }
}

async function listPhaseFolder(dir: string, folder: string): Promise<{ path: string; folder: string; name: string }[]> {
  if (!(await stat(join(dir, folder))).isDirectory()) {
    throw new InstarError('script.unreadable', `${join(dir, folder)} is a file; scripts lie in folders named by their phase`, {
      hint: `Move it to ${dir}/<phase>/NN-name.`,
    })
  }
  return (await listFolder(join(dir, folder))).map(name => ({ path: join(dir, folder, name), folder, name }))
}

async function listFolder(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).sort()
  } catch (error) {
    throw new InstarError('script.unreadable', `cannot read the folder ${dir}`, { cause: error })
  }
}

/** The secrets that `--secret NAME=@FILE` names; a name given twice is refused. */
export async function collectSecrets(flags: readonly string[]): Promise<Secret[]> {
  const parsed = flags.map(parseSecretFlag)
  const twice = parsed.find(({ name }, index) => parsed.findIndex(other => other.name === name) < index)
  if (twice !== undefined) throw new InstarError('usage.bad-secret-flag', `--secret ${twice.name} is given twice`)
  return Promise.all(
    parsed.map(async ({ name, path }) => ({ name, value: await readSmallFile(path, 'usage.unreadable-file', 1024 * 1024) })),
  )
}

async function readSmallFile(path: string, code: 'script.unreadable' | 'usage.unreadable-file', maxBytes: number): Promise<Buffer> {
  try {
    const found = await stat(path)
    if (!found.isFile()) throw new InstarError(code, `${path} is not a file`)
    if (found.size > maxBytes) throw new InstarError(code, `${path} has ${found.size} bytes; at most ${maxBytes} are read`)
    return await readFile(path)
  } catch (error) {
    if (error instanceof InstarError) throw error
    throw new InstarError(code, `cannot read ${path}`, { cause: error })
  }
}
