import { accessSync, closeSync, constants, openSync, readSync } from 'node:fs'

/** As far as the kernel reads the first line. */
const HEAD_BYTES = 256

/** Why a file that may be executed will not start; `undefined` when nothing speaks against it. */
export function whyNotStarted(path: string): string | undefined {
  const head = readHead(path)
  if (head === undefined) return undefined
  if (!head.startsWith('#!')) return undefined
  const [line = ''] = head.slice(2).split('\n')
  if (line.endsWith('\r')) return 'its lines end in CR LF (CRLF): the first one names an interpreter that ends in CR'
  const interpreter = line.trim().split(/[ \t]+/)[0] ?? ''
  if (interpreter === '') return 'its first line names no interpreter'
  return isExecutable(interpreter) ? undefined : `its interpreter ${interpreter} does not exist, or may not be executed`
}

function readHead(path: string): string | undefined {
  try {
    const fd = openSync(path, 'r')
    const buffer = Buffer.alloc(HEAD_BYTES)
    try {
      return buffer.toString('latin1', 0, readSync(fd, buffer, 0, HEAD_BYTES, 0))
    } finally {
      closeSync(fd)
    }
  } catch {
    // What may be executed but not read is the kernel's affair.
    return undefined
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
