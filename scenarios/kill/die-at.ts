import childProcess from 'node:child_process'
import fsPromises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

/**
 * For tests, loaded into the command line before its own code (`--import`): ends the process by SIGKILL at the call that DIE_AT names.
 * `call`: which function; `match`: a part of its arguments; `count`: at which such call; `delayMs`: so long after a program was started.
 */
export interface DieAt {
  readonly call: 'rename' | 'unlink' | 'spawn'
  readonly match: string
  readonly count?: number
  readonly delayMs?: number
}

const at = JSON.parse(process.env['DIE_AT'] ?? '{}') as DieAt
const { rename, unlink } = fsPromises
const { spawn } = childProcess
let seen = 0

function isIt(call: DieAt['call'], args: readonly unknown[]): boolean {
  if (call !== at.call || !args.flat().join(' ').includes(at.match)) return false
  seen += 1
  return seen === (at.count ?? 1)
}

function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

fsPromises.rename = async (...args) => {
  await rename(...args)
  if (isIt('rename', args)) die()
}
fsPromises.unlink = async (...args) => {
  await unlink(...args)
  if (isIt('unlink', args)) die()
}
childProcess.spawn = ((...args: Parameters<typeof spawn>) => {
  const child = spawn(...args)
  if (isIt('spawn', args.slice(0, 2))) setTimeout(die, at.delayMs ?? 0)
  return child
}) as typeof spawn
syncBuiltinESMExports()
