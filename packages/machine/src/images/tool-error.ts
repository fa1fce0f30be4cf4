import { InstarError } from '@instar/contract'
import type { ErrorCode } from '@instar/contract'
import type { ToolResult } from './host-tool.ts'

const KNOWN: readonly { readonly text: RegExp; readonly code: ErrorCode; readonly says: string }[] = [
  { text: /Failed to get .*lock|Failed to lock byte/, code: 'image.in-use', says: 'is in use by a running machine or another tool' },
  { text: /No space left on device|Disk quota exceeded/, code: 'image.no-space', says: 'ran out of space' },
  { text: /log that needs to be replayed/, code: 'image.damaged', says: 'was not closed cleanly and has a log to be replayed' },
]

/** What a failed tool means for the user; `what` names the thing that it worked on. */
export function toolError(what: string, result: ToolResult, otherwise: ErrorCode = 'image.tool-failed'): InstarError {
  const known = KNOWN.find(entry => entry.text.test(result.stderr))
  const how = result.timedOut ? `ran longer than ${Math.round(result.wallMs)} ms` : `ended with ${result.exitCode ?? result.signal}`
  const says = known?.says ?? `: ${result.argv.slice(0, 2).join(' ')} ${how}`
  return new InstarError(known?.code ?? otherwise, `${what}${known === undefined ? '' : ' '}${says}: ${lastLine(result.stderr)}`, {
    details: {
      argv: result.argv,
      exit_code: result.exitCode,
      signal: result.signal,
      wall_ms: Math.round(result.wallMs),
      stderr: result.stderr,
    },
  })
}

function lastLine(text: string): string {
  const lines = text.trim().split('\n')
  return (lines.find(line => !line.startsWith('Is another process')) ?? '').replace(/^qemu-img: /, '').slice(0, 500) || 'no message'
}
