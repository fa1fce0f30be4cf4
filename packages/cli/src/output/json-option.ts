import { readFileSync } from 'node:fs'
import { Option, type Command } from 'commander'
import { InstarError } from '@instar/contract/errors'

export type JsonObject = Readonly<Record<string, unknown>>

/** `--NAME JSON` and `--NAME-file FILE` (JSON or YAML): two ways to give one object. */
export function addJsonOption(command: Command, name: string, about: string): Command {
  return command
    .addOption(new Option(`--${name} <json>`, about))
    .addOption(new Option(`--${name}-file <file>`, `the same from a file, JSON or YAML`).conflicts(camel(name)))
}

/** The object that the two options of a name gave; undefined when neither was given. */
export async function readJsonOption(command: Command, name: string): Promise<JsonObject | undefined> {
  const options = command.opts<Record<string, string | undefined>>()
  const [text, file] = [options[camel(name)], options[`${camel(name)}File`]]
  if (text !== undefined) return parseObject(text, `--${name}`)
  return file === undefined ? undefined : parseObject(readFile(file), file)
}

/** The object that a text of JSON or YAML says; refused when it is another kind of value. `what` names the place in errors. */
export async function parseObject(text: string, what: string): Promise<JsonObject> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    const { parse } = await import('yaml')
    try {
      value = parse(text)
    } catch (error) {
      throw new InstarError('usage.bad-argument', `${what} is neither JSON nor YAML`, { cause: error })
    }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InstarError('usage.bad-argument', `${what} is no object; write {"KEY": VALUE, ...}`)
  }
  return value as JsonObject
}

export function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new InstarError('usage.unreadable-file', `cannot read ${file}`, { cause: error })
  }
}

function camel(name: string): string {
  return name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}
