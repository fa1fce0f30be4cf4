import { readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { InstarError } from '@instar/contract/errors'
import { fitPayload, parseGlobalFlag, parseInstanceFlag, type OsType, type UserScriptFlag } from '@instar/contract/scripts'
import { closest } from '@instar/contract/closest'
import { decodeText } from '../scripts/decode-text.ts'

/** One script as the API takes it; null in place of a list removes what is stored. */
export type WireScript = Readonly<Record<string, unknown>>
type ScriptLists = Readonly<Record<string, readonly WireScript[] | null>>

export interface WireScripts {
  readonly global: ScriptLists
  readonly instances: ScriptLists
  readonly merge?: boolean
}

export interface ScriptFlags {
  readonly userScriptGlobal?: readonly string[]
  readonly userScriptInstance?: readonly string[]
  readonly merge?: boolean
}

interface ReadOptions {
  /** Whether `linux=` can remove something. */
  readonly mayUnregister: boolean
  /** The machines of the transfer; a flag for another one would do nothing, and is refused. */
  readonly instances: readonly string[]
}

/** Whether any flag speaks of scripts. */
export function namesScripts(flags: ScriptFlags): boolean {
  return flags.userScriptGlobal !== undefined || flags.userScriptInstance !== undefined || flags.merge !== undefined
}

/** The `user_scripts` that flags name, after those of a file. All flags are parsed before any file is read. */
export function readUserScripts(flags: ScriptFlags, options: ReadOptions, file?: Partial<WireScripts>): WireScripts {
  const rules = { mayUnregister: options.mayUnregister, knownInstances: options.instances }
  const global = (flags.userScriptGlobal ?? []).map(argument => parseGlobalFlag(argument, rules))
  const instances = (flags.userScriptInstance ?? []).map(argument => parseInstanceFlag(argument, rules))
  for (const { key } of instances) refuseUnknownInstance(key, options.instances)
  const merge = flags.merge ?? file?.merge
  return {
    global: addFlags(file?.global ?? {}, global),
    instances: addFlags(file?.instances ?? {}, instances),
    ...(merge === undefined ? {} : { merge }),
  }
}

function addFlags(lists: ScriptLists, flags: readonly UserScriptFlag[]): ScriptLists {
  const result: Record<string, readonly WireScript[] | null> = { ...lists }
  for (const flag of flags) {
    const before = result[flag.key] ?? []
    result[flag.key] = flag.kind === 'unregister' ? null : [...before, { phase: flag.phase, payload: readPayload(flag.path, flag.key) }]
  }
  return result
}

/** The text of a script's file. Line ends of a machine's script are fitted by the service, which knows the OS. */
export function readPayload(path: string, key: string): string {
  const osType = (['bsd', 'linux', 'osx', 'solaris'] as const).find(os => os === key) ?? ('windows' satisfies OsType)
  return fitPayload(decodeText(readBytes(path), path), osType, path)
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new InstarError('script.unreadable', `cannot read ${path}`, { cause: error })
  }
}

function refuseUnknownInstance(name: string, known: readonly string[]): void {
  if (known.includes(name)) return
  const guess = closest(name, known)
  throw new InstarError(
    'usage.bad-script-flag',
    `no machine of the transfer is called "${name}"${guess === undefined ? '' : `; did you mean "${guess}"?`}`,
    {
      hint: `Its machines are: ${known.slice(0, 20).join(', ')}${known.length > 20 ? ` and ${known.length - 20} more` : ''}.`,
    },
  )
}

/**
 * The `user_scripts` of a FILE.yaml: as the API takes them, where a script may name its text by `file` in place of `payload`, and a secret
 * may be `{file: PATH}`; paths are relative to the file.
 */
export function scriptsOfFile(value: unknown, file: string): Partial<WireScripts> {
  if (!isObject(value)) throw badFile(file, 'user_scripts is no object')
  const { global = {}, instances = {}, merge, ...rest } = value
  const unknown = Object.keys(rest)[0]
  if (unknown !== undefined) throw badFile(file, `user_scripts has an unknown key "${unknown}"; there are global, instances and merge`)
  if (!isObject(global) || !isObject(instances)) throw badFile(file, 'user_scripts.global and user_scripts.instances are objects')
  return {
    global: mapValues(global, (scripts, os) => listOf(scripts, os, file)),
    instances: mapValues(instances, (scripts, name) => listOf(scripts, name, file)),
    ...(typeof merge === 'boolean' ? { merge } : {}),
  }
}

function listOf(value: unknown, key: string, file: string): readonly WireScript[] | null {
  if (value === null) return null
  return (Array.isArray(value) ? value : [value]).map(item => scriptOf(item, key, file))
}

function scriptOf(item: unknown, key: string, file: string): WireScript {
  if (typeof item === 'string') return { payload: item }
  if (!isObject(item)) throw badFile(file, `a script of ${key} is neither a text nor an object`)
  const { file: path, secrets, ...script } = item
  if (path !== undefined && (typeof path !== 'string' || 'payload' in script)) {
    throw badFile(file, `a script of ${key} needs one of file (a path) and payload (its text)`)
  }
  return {
    // A script from a file is called as its file, unless it has a name.
    ...(typeof path === 'string' ? { name: basename(path), payload: readPayload(resolve(dirname(file), path), key) } : {}),
    ...script,
    ...(isObject(secrets) ? { secrets: mapValues(secrets, value => secretOf(value, file)) } : {}),
  }
}

function secretOf(value: unknown, file: string): unknown {
  return isObject(value) && typeof value['file'] === 'string'
    ? decodeText(readBytes(resolve(dirname(file), value['file'])), value['file'])
    : value
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function mapValues<T>(object: Record<string, unknown>, map: (value: unknown, key: string) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value, key)]))
}

function badFile(file: string, what: string): InstarError {
  return new InstarError('usage.bad-argument', `${file}: ${what}`)
}
