import { InstarError } from '../errors.ts'
import type { OsType } from './script-spec.ts'

/**
 * The text of a script as it runs on an OS of the type: `\r\n` and `\n\r` become `\n` for all but Windows (upstream does it for `linux`
 * globals and every instance's script, by accident for Windows machines too). Text of only spaces and line ends is refused, as upstream does.
 */
export function fitPayload(text: string, osType: OsType, what: string): string {
  if (text.trim() === '') throw new InstarError('script.empty', `${what} is empty`)
  if (text.includes('\0')) throw new InstarError('script.not-text', `${what} holds a NUL byte at offset ${text.indexOf('\0')}`)
  return osType === 'windows' ? text : text.replaceAll(/\r\n|\n\r/g, '\n')
}
