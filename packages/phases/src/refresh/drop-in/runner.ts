import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
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

export type ForeignEnd =
  | { readonly kind: 'ended'; readonly exitCode: number | null; readonly signal: NodeJS.Signals | null }
  | { readonly kind: 'not-started'; readonly reason: string }

export interface ForeignRun {
  readonly program: string
  readonly directory: string
  readonly environment: NodeJS.ProcessEnv
  readonly onStart: (pid: number) => void
}

/** Runs a foreign runner on a directory, with our streams, and waits for it alone. */
export function runForeign({ program, directory, environment, onStart }: ForeignRun): Promise<ForeignEnd> {
  return new Promise(resolve => {
    const child = spawn(program, [directory], { stdio: 'inherit', env: environment, argv0: 'dib-run-parts' })
    if (child.pid !== undefined) onStart(child.pid)
    child.once('exit', (exitCode, signal) => resolve({ kind: 'ended', exitCode, signal }))
    child.once('error', error => resolve({ kind: 'not-started', reason: error.message }))
  })
}
