import { interpreterIn, readHead } from '../../run-parts/file-head.ts'
import { isExecutable } from '../../run-parts/program-kind.ts'

/** Why a file that may be executed will not start; `undefined` when nothing speaks against it. */
export function whyNotStarted(path: string): string | undefined {
  // What may be executed but not read is the kernel's affair.
  const head = readHead(path) ?? ''
  const interpreter = interpreterIn(head)?.trimEnd()
  if (interpreter === undefined) return undefined
  if (head.split('\n')[0]!.endsWith('\r')) return 'its lines end in CR LF (CRLF): the first one names an interpreter that ends in CR'
  if (interpreter === '') return 'its first line names no interpreter'
  return isExecutable(interpreter) ? undefined : `its interpreter ${interpreter} does not exist, or may not be executed`
}
