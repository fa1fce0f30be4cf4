import { createHash } from 'node:crypto'
import { InstarError } from '@instar/contract/errors'
import { fitPayload, MAX_RETRIES } from '@instar/contract/scripts'
import type { ScriptSpec, Secret } from '@instar/contract/scripts'
import { interpreterOf } from './interpreter.ts'
import { runDir, scriptDir } from './layout.ts'

export interface FirstBootRun {
  readonly runId: string
  /** In the order in which they run. */
  readonly scripts: readonly ScriptSpec[]
  readonly secrets: readonly Secret[]
  /** What is told as `***` where a script prints it: the secrets, and parts of them; the longest first. */
  readonly masks: readonly Buffer[]
  /** "debian 12"; '' when not known. */
  readonly distro: string
  readonly limits?: FirstBootLimits
}

export interface FirstBootLimits {
  /** Boots in which scripts may run. */
  readonly maxBoots: number
  /** Seconds that the runner may take in all, over all boots. */
  readonly maxTotalS: number
}

export interface FirstBootEntry {
  readonly path: string
  readonly mode: number
  /** Absent: a folder. */
  readonly content?: Buffer
}

export const FIRST_BOOT_LIMITS: FirstBootLimits = { maxBoots: 10, maxTotalS: 7200 }

/** The runner numbers scripts with three digits. */
const MAX_SCRIPTS = 999
const MAX_NAME_CHARS = 255
/** Linux takes 128 KiB for one variable (MAX_ARG_STRLEN) and much more in all; this leaves room for ours. */
const MAX_ENV_BYTES = 96 * 1024

/** The folders and files of a run for the guest, folders first. Errors: `first-boot.bad-request`, and those of `fitPayload`. */
export function firstBootEntries(run: FirstBootRun): FirstBootEntry[] {
  checkRun(run)
  const dir = runDir(run.runId)
  const limits = run.limits ?? FIRST_BOOT_LIMITS
  const values = {
    version: 1,
    run_id: run.runId,
    count: run.scripts.length,
    max_boots: limits.maxBoots,
    max_total_s: limits.maxTotalS,
    longest_mask: run.masks.reduce((longest, mask) => Math.max(longest, mask.length), 0),
  }
  return [
    { path: dir, mode: 0o700 },
    { path: `${dir}/run`, mode: 0o600, content: valueFile(values) },
    ...secretEntries(`${dir}/secrets`, run.secrets),
    ...maskEntries(`${dir}/masks`, run.masks),
    { path: `${dir}/scripts`, mode: 0o700 },
    ...run.scripts.flatMap((script, index) => scriptEntries(run, script, index + 1)),
  ]
}

function scriptEntries(run: FirstBootRun, script: ScriptSpec, order: number): FirstBootEntry[] {
  const dir = scriptDir(run.runId, order)
  const payload = Buffer.from(fitPayload(script.payload, 'linux', `script "${script.name}"`))
  const interpreter = interpreterOf(payload.toString())
  const spec = {
    version: 1,
    name: jsonAscii(script.name),
    source: script.source,
    sha256: createHash('sha256').update(payload).digest('hex'),
    timeout_s: Math.ceil(script.timeoutS),
    retries: script.retries,
    on_failure: script.onFailure,
    interpreter: interpreter.path,
    argument: interpreter.argument,
  }
  return [
    { path: dir, mode: 0o700 },
    { path: `${dir}/spec`, mode: 0o600, content: valueFile(spec) },
    { path: `${dir}/env`, mode: 0o600, content: Buffer.from(environmentWords(run, script)) },
    { path: `${dir}/payload`, mode: 0o700, content: payload },
  ]
}

function secretEntries(dir: string, secrets: readonly Secret[]): FirstBootEntry[] {
  if (secrets.length === 0) return []
  return [
    { path: dir, mode: 0o700 },
    ...secrets.map(secret => ({ path: `${dir}/${secret.name}`, mode: 0o400, content: Buffer.from(secret.value) })),
  ]
}

/** In hex: the runner has to find any bytes with awk. */
function maskEntries(dir: string, masks: readonly Buffer[]): FirstBootEntry[] {
  if (masks.length === 0) return []
  const lines = masks.map(mask => `${mask.toString('hex')}\n`)
  return [
    { path: dir, mode: 0o700 },
    { path: `${dir}/hex`, mode: 0o400, content: Buffer.from(lines.join('')) },
  ]
}

/** `end` comes last: the runner takes a file without it for damaged. */
function valueFile(values: Readonly<Record<string, string | number>>): Buffer {
  return Buffer.from(
    Object.entries({ ...values, end: 1 })
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  )
}

/** A line of sh that puts NAME=value words before its arguments, for env(1). Ours come last, so that they win. */
function environmentWords(run: FirstBootRun, script: ScriptSpec): string {
  const variables = {
    ...script.env,
    INSTAR_FORMAT_VERSION: '1',
    INSTAR_RUN_ID: run.runId,
    INSTAR_PHASE: 'replica_first_boot',
    INSTAR_SCRIPT: script.name,
    INSTAR_OS_TYPE: 'linux',
    INSTAR_DISTRO: run.distro,
  }
  const words = Object.entries(variables).map(([name, value]) => shQuoted(`${name}=${value}`))
  return `set -- ${words.join(' ')} "$@"\n`
}

function shQuoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/** The runner pastes names into its results as they are: they must be whole JSON, in one line, in any locale. */
function jsonAscii(text: string): string {
  return JSON.stringify(text).replaceAll(/[^\u0020-\u007e]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function checkRun({ runId, scripts, secrets, distro }: FirstBootRun): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(runId) || runId === 'queue') throw refusal(`run id "${runId}" cannot name a folder`)
  if (scripts.length > MAX_SCRIPTS) throw refusal(`${scripts.length} scripts, at most ${MAX_SCRIPTS} can run at the first boot`)
  for (const script of scripts) checkScript(script)
  for (const { name } of secrets) {
    if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(name)) throw refusal(`secret name "${name}" cannot name a file`)
  }
  if (distro.includes('\0')) throw refusal('the name of the distribution holds a NUL byte')
}

function checkScript({ name, retries, env }: ScriptSpec): void {
  const what = `script "${name}"`
  if (name.length > MAX_NAME_CHARS || name.includes('\0')) {
    throw refusal(`${what}: a name has at most ${MAX_NAME_CHARS} characters and no NUL byte`)
  }
  if (retries > MAX_RETRIES) throw refusal(`${what}: ${retries} retries, at most ${MAX_RETRIES} at the first boot`)
  const envBytes = Object.entries(env).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value) + 2, 0)
  if (envBytes > MAX_ENV_BYTES) throw refusal(`${what}: ${envBytes} bytes of environment, at most ${MAX_ENV_BYTES}`)
  for (const [key, value] of Object.entries(env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key) || value.includes('\0')) throw refusal(`${what}: "${key}" cannot be set in an environment`)
  }
}

function refusal(message: string): InstarError {
  return new InstarError('first-boot.bad-request', message)
}
