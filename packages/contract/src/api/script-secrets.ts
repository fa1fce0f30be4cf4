import { SECRET_MASK } from './user-script.ts'
import type { UserScript, UserScripts } from './user-scripts.ts'

/** The scripts as they are shown: no value of a secret. */
export function maskScriptSecrets(scripts: UserScripts): UserScripts {
  return mapLists(scripts, list => list.map(script => mapSecrets(script, () => SECRET_MASK)))
}

/** Scripts as a client sent them back, with the stored values where it sent the mask; a mask for what is not stored is dropped. */
export function restoreScriptSecrets(scripts: UserScripts, stored: UserScripts): UserScripts {
  return mapLists(scripts, (list, half, key) => {
    const old = Object.entries(stored[half] ?? {}).find(([name]) => name === key)?.[1] ?? []
    return list.map((script, at) => mapSecrets(script, (value, name) => (value === SECRET_MASK ? storedSecret(old, at, name) : value)))
  })
}

function storedSecret(old: readonly UserScript[], at: number, name: string): string | undefined {
  return [old[at], ...old].find(script => script?.secrets?.[name] !== undefined)?.secrets?.[name]
}

function mapSecrets(script: UserScript, map: (value: string, name: string) => string | undefined): UserScript {
  if (script.secrets === undefined) return script
  const secrets = Object.entries(script.secrets).flatMap(([name, value]) => {
    const mapped = map(value, name)
    return mapped === undefined ? [] : [[name, mapped] as const]
  })
  return { ...script, secrets: Object.fromEntries(secrets) }
}

function mapLists(scripts: UserScripts, map: (list: UserScript[], half: 'global' | 'instances', key: string) => UserScript[]): UserScripts {
  const result = { ...scripts }
  if (scripts.global !== undefined) {
    result.global = Object.fromEntries(Object.entries(scripts.global).map(([os, list]) => [os, map(list ?? [], 'global', os)]))
  }
  if (scripts.instances !== undefined) {
    result.instances = Object.fromEntries(Object.entries(scripts.instances).map(([name, list]) => [name, map(list, 'instances', name)]))
  }
  return result
}
