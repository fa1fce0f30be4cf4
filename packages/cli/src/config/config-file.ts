import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { InstarError } from '@instar/contract/errors'
import type { Context } from '../context.ts'

export interface ConfigFile {
  readonly path: string
  readonly content: Readonly<Record<string, unknown>>
}

const HINT = 'Write YAML, for example "listen: 127.0.0.1:7667"; docs/reference/configuration.md has all settings and an example.'

/** The file that is named, which must be there; else the one at the usual place, if any. */
export async function readConfigFile(context: Context, named: string | undefined): Promise<ConfigFile | undefined> {
  const wanted = named ?? context.env['INSTAR_CONFIG']
  const path = wanted ?? usualFile(context)
  try {
    return { path, content: await parseConfig(path, readFileSync(path, 'utf8')) }
  } catch (error) {
    if (error instanceof InstarError) throw error
    if (wanted === undefined && error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    const hint = 'Check the path and that you may read it.'
    throw new InstarError('config.invalid', `cannot read the configuration ${path}`, { cause: error, hint })
  }
}

export function usualFile(context: Context): string {
  const home = context.env['XDG_CONFIG_HOME'] ?? join(context.env['HOME'] ?? '/', '.config')
  return context.isRoot ? '/etc/instar/config.yaml' : join(home, 'instar/config.yaml')
}

/** A file without any line of its own means that everything is as by default. */
async function parseConfig(path: string, text: string): Promise<Readonly<Record<string, unknown>>> {
  const { parse } = await import('yaml')
  let value: unknown
  try {
    value = parse(text)
  } catch (error) {
    // The first line names problem and place; below it stands the text of the file, which may be a secret.
    const [problem] = String(error instanceof Error ? error.message : error).split(':\n')
    throw new InstarError('config.invalid', `the configuration ${path} cannot be read as YAML`, { cause: new Error(problem), hint: HINT })
  }
  if (value === null || value === undefined) return {}
  if (isObject(value)) return value
  const kind = Array.isArray(value) ? 'a list' : `a ${typeof value}`
  throw new InstarError('config.invalid', `the configuration ${path} is ${kind} and no settings`, { hint: HINT })
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
