import * as z from 'zod/mini'
import { InstarError } from '../errors.ts'
import { MACHINE_PHASES } from '../phases.ts'
import { OS_TYPES, type OsType } from '../scripts/script-spec.ts'
import { readUserScript } from './user-script.ts'
import { documented, LIMITS } from './wire.ts'

/** One user script as it is stored and shown; secrets are shown as "***". The keys after `phase` are Instar's own. */
export const UserScript = z
  .object({
    phase: z.enum(MACHINE_PHASES),
    payload: z.string(),
    name: z.optional(z.string()),
    timeout_s: z.optional(z.int()),
    retries: z.optional(z.int()),
    on_failure: z.optional(z.enum(['abort', 'continue'])),
    env: z.optional(z.record(z.string(), z.string())),
    secrets: z.optional(z.record(z.string(), z.string())),
  })
  .register(documented, { id: 'UserScript' })
export type UserScript = z.infer<typeof UserScript>

/** Scripts by OS type and by machine. `merge` runs the global ones before a machine's own instead of not at all. */
export const UserScripts = z
  .object({
    global: z.optional(z.partialRecord(z.enum(OS_TYPES), z.array(UserScript))),
    instances: z.optional(z.record(z.string(), z.array(UserScript))),
    merge: z.optional(z.boolean()),
  })
  .register(documented, { id: 'UserScripts' })
export type UserScripts = z.infer<typeof UserScripts>

/** What a request may say; `normaliseUserScripts` judges it, with the messages that Coriolis' users know. */
export const UserScriptsInput = z.optional(z.unknown()).register(documented, {
  id: 'UserScriptsInput',
  description:
    'null, or {"global": {OS type: value}, "instances": {machine: value}, "merge": boolean}; a value is a script as text, a list of UserScript (phase may be left out), or null for none',
})

/**
 * The stored form of a request's `user_scripts`: always lists of objects with canonical phases (reference/phases.md). Null and absent give `{}`.
 * Payloads for `linux` get Unix line ends here; those of machines do at run time, when their OS type is known.
 */
export function normaliseUserScripts(value: unknown): UserScripts {
  if (value === null || value === undefined) return {}
  const scripts = requireObject(value, 'user_scripts')
  const unknown = Object.keys(scripts).find(key => key !== 'global' && key !== 'instances' && key !== 'merge')
  if (unknown !== undefined) throw bad(`user_scripts has an unknown key "${unknown}"; there are global, instances and merge`)
  const { global, instances, merge } = scripts
  if (merge !== undefined && merge !== null && typeof merge !== 'boolean') throw bad('user_scripts.merge is no boolean')
  return {
    ...(global === undefined ? {} : { global: readGlobal(global) }),
    ...(instances === undefined ? {} : { instances: readInstances(instances) }),
    ...(typeof merge === 'boolean' ? { merge } : {}),
  }
}

/** The rule of a transfer's update: a key that is given replaces that OS's or machine's list, null leaves an empty one, nothing else changes. */
export function mergeUserScripts(old: UserScripts, update: UserScripts): UserScripts {
  const merge = update.merge ?? old.merge
  return {
    global: { ...old.global, ...update.global },
    instances: { ...old.instances, ...update.instances },
    ...(merge === undefined ? {} : { merge }),
  }
}

/** The rule of a deployment: scripts of machines that it does not have are dropped. */
export function keepInstances(scripts: UserScripts, instances: readonly string[]): UserScripts {
  if (scripts.instances === undefined) return scripts
  return { ...scripts, instances: Object.fromEntries(Object.entries(scripts.instances).filter(([name]) => instances.includes(name))) }
}

/** Whether any script is in it. */
export function hasScripts(scripts: UserScripts): boolean {
  return [...Object.values(scripts.global ?? {}), ...Object.values(scripts.instances ?? {})].some(
    list => list !== undefined && list.length > 0,
  )
}

function readGlobal(value: unknown): Partial<Record<OsType, UserScript[]>> {
  const entries = Object.entries(requireObject(value, 'user_scripts.global')).map(([os, scripts]) => {
    const known = OS_TYPES.find(name => name === os)
    if (known === undefined) throw bad(`user_scripts.global has an unknown OS type "${os}"; there are ${OS_TYPES.join(', ')}`)
    const list = readList(scripts, `user_scripts.global.${os}`)
    return [known, known === 'linux' ? list.map(withUnixLines) : list] as const
  })
  return Object.fromEntries(entries)
}

function readInstances(value: unknown): Record<string, UserScript[]> {
  const entries = Object.entries(requireObject(value, 'user_scripts.instances'))
  return Object.fromEntries(entries.map(([name, scripts]) => [name, readList(scripts, `user_scripts.instances["${name}"]`)]))
}

function readList(value: unknown, where: string): UserScript[] {
  if (value === null) return []
  if (typeof value === 'string') return [readUserScript({ payload: value }, where)]
  if (!Array.isArray(value)) throw bad(`${where} is neither a text, nor a list of scripts, nor null`)
  if (value.length > LIMITS.scriptsPerList) throw bad(`${where} has ${value.length} scripts; there may be ${LIMITS.scriptsPerList}`)
  return value.map((item, at) => readUserScript(requireObject(item, `${where}[${at}]`), `${where}[${at}]`))
}

function withUnixLines(script: UserScript): UserScript {
  return { ...script, payload: script.payload.replaceAll('\r\n', '\n').replaceAll('\n\r', '\n') }
}

function requireObject(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(`${where} is no object`)
  return value as Record<string, unknown>
}

function bad(message: string): InstarError {
  return new InstarError('api.bad-user-scripts', message)
}
