import type { Command } from 'commander'
import { addJsonOption, readJsonOption } from '../output/json-option.ts'

// How a question to a platform is asked.

export function addEnvironment(command: Command): Command {
  return addJsonOption(command, 'environment', 'settings of the platform that the question is asked with')
}

export async function envQuery(command: Command): Promise<{ env?: string }> {
  const environment = await readJsonOption(command, 'environment')
  return environment === undefined ? {} : { env: base64(JSON.stringify(environment)) }
}

/** base64url with its padding, the wire's way to carry names that hold slashes, and JSON in a query. */
export function base64(text: string): string {
  const bare = Buffer.from(text).toString('base64url')
  return bare.padEnd(Math.ceil(bare.length / 4) * 4, '=')
}
