import { join } from 'node:path'
import * as z from 'zod/mini'
import { InstarError } from '@instar/contract/errors'
import type { Context } from '../context.ts'
import { closest } from '@instar/contract/closest'
import { isObject, readConfigFile } from './config-file.ts'
import { SETTINGS, type AnySetting, type Config, type SettingName } from './settings.ts'

export type Source = 'default' | 'file' | 'environment' | 'flag'

export interface LoadedConfig {
  readonly values: Config
  readonly sources: Readonly<Record<SettingName, Source>>
  /** The file that was read, if any. */
  readonly file: string | undefined
}

export interface ConfigOptions {
  /** `--config`. */
  readonly file?: string
  /** What flags say, by the names of the settings. */
  readonly flags?: Readonly<Partial<Record<SettingName, string>>>
}

const NAMES = Object.keys(SETTINGS) as SettingName[]

/** The settings from the file, the environment and the flags, in rising order; all that is wrong with them is told at once. */
export async function loadConfig(context: Context, options: ConfigOptions = {}): Promise<LoadedConfig> {
  const file = await readConfigFile(context, options.file)
  const problems: string[] = []
  const fromFile = file === undefined ? {} : flatten(file.content, problems, file.path)
  const found = NAMES.map(name => {
    const { value, source } = pick(name, { file: fromFile[name], env: context.env[SETTINGS[name].env], flag: options.flags?.[name] })
    const checked = check(name, value, { source, file: file?.path })
    if (checked.kind === 'bad') problems.push(checked.problem)
    return { name, source, value: checked.kind === 'good' ? checked.value : undefined }
  })
  problems.push(...contradictions(Object.fromEntries(found.map(({ name, value }) => [name, value]))))
  if (problems.length > 0) {
    const [first, ...rest] = problems
    const cause = rest.reduceRight<Error | undefined>(
      (inner, text) => new Error(text, inner === undefined ? {} : { cause: inner }),
      undefined,
    )
    throw new InstarError('config.invalid', first!, cause === undefined ? {} : { cause })
  }
  return {
    values: Object.fromEntries(found.map(({ name, value }) => [name, value])) as unknown as Config,
    sources: Object.fromEntries(found.map(({ name, source }) => [name, source])) as Record<SettingName, Source>,
    file: file?.path,
  }
}

/** Settings that need each other. */
const PAIRS: readonly (readonly [SettingName, SettingName])[] = [
  ['webhook.url', 'webhook.secret'],
  ['keystone.user', 'keystone.password'],
  ['keystone.user', 'keystone.url'],
]

function contradictions(values: Readonly<Partial<Record<SettingName, unknown>>>): string[] {
  return PAIRS.filter(([one, other]) => values[one] !== undefined && values[other] === undefined).map(
    ([one, other]) => `${one} is set, and ${other} is not`,
  )
}

/** The folder of the service where none is configured. */
export function defaultDataDir(context: Context): string {
  return join(context.paths.stateDir, 'service')
}

/** `{database: {url: x}}` as `{'database.url': x}`; unknown names are problems. */
function flatten(object: Readonly<Record<string, unknown>>, problems: string[], file: string): Readonly<Record<string, unknown>> {
  const flat: Record<string, unknown> = {}
  const visit = (value: unknown, path: string) => {
    if (isObject(value) && !(path in SETTINGS)) {
      for (const [key, one] of Object.entries(value)) visit(one, path === '' ? key : `${path}.${key}`)
      return
    }
    if (path in SETTINGS) flat[path] = value
    // A level of which every line is commented out is null.
    else if (value !== null || levelOf(path).length === 0) problems.push(unknownSetting(path, file))
  }
  visit(object, '')
  return flat
}

/** The settings below a level: of `log`, `log.level`. */
function levelOf(path: string): string[] {
  return NAMES.filter(name => name.startsWith(`${path}.`))
}

function unknownSetting(path: string, file: string): string {
  const below = levelOf(path)
  if (below.length > 0) return `${file}: "${path}" is a level and no setting; below it there are ${below.join(', ')}`
  const guess = closest(path, NAMES)
  return `${file}: unknown setting "${path}"${guess === undefined ? '' : `; did you mean "${guess}"?`}`
}

interface Given {
  readonly file: unknown
  readonly env: string | undefined
  readonly flag: string | undefined
}

function pick(name: SettingName, given: Given): { value: unknown; source: Source } {
  const setting: AnySetting = SETTINGS[name]
  if (given.flag !== undefined) return { value: fromText(setting, given.flag), source: 'flag' }
  if (given.env !== undefined && given.env !== '') return { value: fromText(setting, given.env), source: 'environment' }
  if (given.file !== undefined && given.file !== null) return { value: given.file, source: 'file' }
  return { value: setting.default, source: 'default' }
}

function fromText(setting: AnySetting, text: string): unknown {
  if (setting.kind === 'number') return /^\d+$/.test(text) ? Number(text) : text
  return setting.kind === 'list'
    ? text
        .split(',')
        .map(word => word.trim())
        .filter(Boolean)
    : text
}

type Checked = { readonly kind: 'good'; readonly value: unknown } | { readonly kind: 'bad'; readonly problem: string }

/** A secret's value is not in the message. */
function check(name: SettingName, value: unknown, { source, file }: { source: Source; file: string | undefined }): Checked {
  const setting: AnySetting = SETTINGS[name]
  if (value === undefined) return { kind: 'good', value }
  const result = z.safeParse(setting.schema, value)
  if (result.success) return { kind: 'good', value: result.data }
  const where = { default: 'the default of', file: `${file}:`, environment: `${setting.env}:`, flag: `${setting.flag}:` }[source]
  const shown = setting.secret === true ? '' : ` ${JSON.stringify(value)}`
  return { kind: 'bad', problem: `${where} ${name}${shown}: ${result.error.issues[0]?.message}` }
}
