import { statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { childrenOf } from '../../run-parts/process-table.ts'
import { commandLineOf } from '../containment/processes.ts'
import { readHead } from '../../run-parts/file-head.ts'
import { isExecutable } from '../../run-parts/program-kind.ts'

/** A dib-run-parts that is not ours, found through PATH; undefined where ours, or none, is found: then the runner inside the program serves. */
export function findForeignRunner(path: string | undefined): string | undefined {
  const found = path
    ?.split(delimiter)
    .map(folder => join(folder || '.', 'dib-run-parts'))
    .find(isProgram)
  return found === undefined || isOurs(found) ? undefined : found
}

/** The second line that our build gives the program. */
const SIGNATURE = '// instar dib-run-parts'

/** One that may be executed but not read: whatever it is, it was put there on purpose. */
function isOurs(file: string): boolean {
  return readHead(file)?.split('\n')[1] === SIGNATURE
}

function isProgram(file: string): boolean {
  return isExecutable(file) && statSync(file, { throwIfNoEntry: false })?.isFile() === true
}

/** A foreign runner that is our child, the copies of itself that it works in, and what these wait for: a script, but not what that has started. */
export function processesOfForeignRunner(): number[] {
  return childrenOf(process.pid).flatMap(withCopies)
}

function withCopies(runner: number): number[] {
  const line = commandLineOf(runner)
  return [runner, ...childrenOf(runner).flatMap(child => (commandLineOf(child) === line ? withCopies(child) : [child]))]
}
