import { accessSync, constants } from 'node:fs'
import { interpreterIn, readHead } from './file-head.ts'

/**
 * What starting a file comes to: `native`, the kernel starts it or its interpreter; `text`, a shell has to run it itself; `unsure`, anything else
 * (no such interpreter, a script as interpreter, another machine's program), of which bash has its own words and exit codes.
 */
export type ProgramKind = 'native' | 'text' | 'unsure'

/** The identification of a program: class, byte order; the machine stands behind them. */
const ELF = '\x7fELF'
const FORMAT = [4, 6] as const
const MACHINE = [18, 20] as const

let ourFormat: string | undefined
/** An interpreter that is not there may come by the work of a script; one that is there stays. */
const nativeInterpreters = new Set<string>()

export function programKind(path: string): ProgramKind {
  return kindOfHead(readHead(path))
}

/** The same by the first bytes, a character each. */
export function kindOfHead(head: string | undefined): ProgramKind {
  // What may be executed but not read is a program.
  if (head === undefined) return 'native'
  const interpreter = interpreterIn(head)
  if (interpreter !== undefined) return isNativeInterpreter(interpreter) ? 'native' : 'unsure'
  if (isNative(head)) return 'native'
  return head.startsWith(ELF) || head.includes('\0') ? 'unsure' : 'text'
}

/** Whether this is a program that the kernel starts for a script. */
export function isNativeInterpreter(path: string): boolean {
  if (nativeInterpreters.has(path)) return true
  if (!path.startsWith('/') || !isNative(readHead(path) ?? '') || !isExecutable(path)) return false
  nativeInterpreters.add(path)
  return true
}

/** Whether this is the head of a program for the machine that we run on. */
function isNative(head: string): boolean {
  ourFormat ??= formatOf(readHead('/proc/self/exe') ?? '')
  return head.startsWith(ELF) && formatOf(head) === ourFormat
}

function formatOf(head: string): string {
  return head.slice(...FORMAT) + head.slice(...MACHINE)
}

/** Whether we may execute a file. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
