import { InstarError } from '../errors.ts'
import { DEFAULT_PHASE, parsePhase, type MachinePhase } from '../phases.ts'
import { badFlag, uniqueKeyValues } from './key-values.ts'
import { DEFAULT_TIMEOUT_S, MAX_RETRIES, OS_TYPES, type OsType } from './script-spec.ts'

/** What `--user-script-global` and `--user-script-instance` say: a script for a key (OS type or machine), or that all of a key's scripts go. */
export type UserScriptFlag =
  | { readonly kind: 'register'; readonly key: string; readonly path: string; readonly phase: MachinePhase }
  | { readonly kind: 'unregister'; readonly key: string }

interface UserScriptFlagOptions {
  /** Only an update of something stored can unregister (`linux=`). */
  readonly mayUnregister: boolean
  /** Names of machines that are known; one of them before the first `=` is taken whole, longest first, so that it needs no escapes. */
  readonly knownInstances?: readonly string[]
}

/** `--user-script-global OS=PATH[,phase=NAME]`; the rules and where they differ from upstream are in reference/phases.md. */
export function parseGlobalFlag(argument: string, options: UserScriptFlagOptions): UserScriptFlag & { key: OsType } {
  const flag = parseUserScript('--user-script-global', argument, options)
  const os = OS_TYPES.find(known => known === flag.key)
  if (os === undefined) throw badFlag('--user-script-global', argument, `unknown OS type "${flag.key}"; there are ${OS_TYPES.join(', ')}`)
  return { ...flag, key: os }
}

/** `--user-script-instance NAME=PATH[,phase=NAME]`. */
export function parseInstanceFlag(argument: string, options: UserScriptFlagOptions): UserScriptFlag {
  const known = [...(options.knownInstances ?? [])].sort((a, b) => b.length - a.length).find(name => argument.startsWith(`${name}=`))
  if (known === undefined) return parseUserScript('--user-script-instance', argument, options)
  const flag = parseUserScript('--user-script-instance', `x${argument.slice(known.length)}`, options)
  return { ...flag, key: known }
}

function parseUserScript(name: string, argument: string, options: UserScriptFlagOptions): UserScriptFlag {
  const pairs = uniqueKeyValues(argument, name)
  const phaseText = pairs.get('phase')
  pairs.delete('phase')
  if (pairs.size === 0) throw badFlag(name, argument, 'it names no script, only a phase')
  if (pairs.size > 1)
    throw badFlag(name, argument, `too many keys (${[...pairs.keys()].join(', ')}); repeat the flag, once for each script`)
  const [key, path] = [...pairs][0]!
  const phase = phaseText === undefined ? DEFAULT_PHASE : parsePhase(phaseText)
  if (path !== '') return { kind: 'register', key, path, phase }
  if (phaseText !== undefined) {
    throw badFlag(
      name,
      argument,
      `a phase cannot be unregistered alone; "${key}=" removes all scripts of ${key}, then give those that remain`,
    )
  }
  if (!options.mayUnregister) throw badFlag(name, argument, `"${key}=" removes stored scripts, and there are none here; leave the flag out`)
  return { kind: 'unregister', key }
}

/** `--script`: a script of this machine, with the rules of its run. */
export interface OwnScriptFlag {
  readonly path: string
  readonly phase: MachinePhase
  readonly name?: string
  readonly timeoutS: number
  readonly retries: number
  readonly onFailure: 'abort' | 'continue'
  readonly env: Readonly<Record<string, string>>
}

const OWN_KEYS = ['phase', 'name', 'timeout', 'retries', 'on-failure'] as const

/** `--script PATH[,phase=NAME][,name=..][,timeout=SECONDS][,retries=N][,on-failure=abort|continue][,env.K=V]`. */
export function parseScriptFlag(argument: string): OwnScriptFlag {
  const pairs = uniqueKeyValues(`path=${argument}`, '--script')
  const path = pairs.get('path') ?? ''
  if (path === '') throw badFlag('--script', argument, 'it names no file')
  const env: Record<string, string> = {}
  for (const [key, value] of pairs) {
    if (key.startsWith('env.')) env[variableName(key.slice(4), argument)] = value
    else if (key !== 'path' && !OWN_KEYS.some(own => own === key)) {
      throw badFlag('--script', argument, `unknown key "${key}"; there are ${OWN_KEYS.join(', ')} and env.NAME`)
    }
  }
  const name = pairs.get('name')
  return {
    path,
    phase: pairs.has('phase') ? parsePhase(pairs.get('phase')!) : DEFAULT_PHASE,
    ...(name === undefined ? {} : { name: scriptName(name, argument) }),
    timeoutS: wholeNumber(pairs.get('timeout'), { key: 'timeout', argument, max: 31_536_000 }) ?? DEFAULT_TIMEOUT_S,
    retries: wholeNumber(pairs.get('retries'), { key: 'retries', argument, max: MAX_RETRIES }) ?? 0,
    onFailure: onFailure(pairs.get('on-failure') ?? 'abort', argument),
    env,
  }
}

function wholeNumber(text: string | undefined, rule: { key: string; argument: string; max: number }): number | undefined {
  if (text === undefined) return undefined
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Infinity
  if (value > rule.max) throw badFlag('--script', rule.argument, `${rule.key} is a whole number from 0 to ${rule.max}, not "${text}"`)
  return value
}

function onFailure(text: string, argument: string): 'abort' | 'continue' {
  if (text === 'abort' || text === 'continue') return text
  throw badFlag('--script', argument, `on-failure is "abort" or "continue", not "${text}"`)
}

function variableName(name: string, argument: string): string {
  if (!/^[A-Za-z_]\w*$/.test(name)) throw badFlag('--script', argument, `"${name}" is no name of a variable`)
  if (name.startsWith('INSTAR_'))
    throw badFlag('--script', argument, `names that begin with INSTAR_ are ours; choose another than "${name}"`)
  return name
}

function scriptName(name: string, argument: string): string {
  if (name.trim() === '' || name.length > 200 || /[\p{Cc}/]/u.test(name)) {
    throw badFlag('--script', argument, 'a name has 1 to 200 characters, no slash and no control characters')
  }
  return name
}

/** `--secret NAME=@FILE`: which file becomes which secret. The value is only ever read from a file, never from the command line. */
export function parseSecretFlag(argument: string): { name: string; path: string } {
  const [, name, path] = /^([A-Za-z0-9][\w.-]{0,99})=@(.+)$/s.exec(argument) ?? []
  if (name === undefined || path === undefined) {
    throw new InstarError(
      'usage.bad-secret-flag',
      `--secret "${argument.replace(/=.*/s, '=***')}" is not NAME=@FILE (name: letters, digits, "_", ".", "-")`,
    )
  }
  return { name, path }
}
