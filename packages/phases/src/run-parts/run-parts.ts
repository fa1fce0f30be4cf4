import { environmentFiles } from './environment-files.ts'
import type { LocalTime } from './local-time.ts'
import type { Messages } from './messages.ts'
import { profileLines } from './profile.ts'
import type { ProfileRow } from './profile.ts'
import { selectScripts } from './select.ts'
import { openStarter } from './shell-starter.ts'
import type { StarterOptions, StarterOpening } from './starter.ts'

export interface RunPartsRequest {
  /** As the user wrote it: it is printed so, and the scripts are started as `{directory}/{name}`. */
  readonly directory: string
  readonly environment: NodeJS.ProcessEnv
  /** For the scripts and the environment files, beyond what the environment holds. */
  readonly extraEnvironment?: NodeJS.ProcessEnv
  /** The program's name as it was called; `$0` of the environment files. */
  readonly name: string
  readonly stdio: NonNullable<StarterOptions['stdio']>
  readonly withheld?: StarterOptions['withheld']
  readonly say: Messages
  readonly time: LocalTime
  /** Asked between the steps: true ends the run without another. */
  readonly isStopped: () => boolean
  /** Takes what to do as soon as the run shall stop: no further script may start then. */
  readonly onStop: (stop: () => void) => void
  /** Told of the process that starts the scripts, before it starts anything. */
  readonly onShell?: (pid: number) => void
  /** Told which script runs now. */
  readonly onScript?: (name: string) => void
}

export type RunPartsEnd =
  | { readonly kind: 'done' }
  | { readonly kind: 'stopped' }
  /** `code`: what the program ends with. `script` and its own end where one failed. */
  | {
      readonly kind: 'failed'
      readonly code: number
      readonly script?: string
      readonly exitCode?: number | null
      readonly signal?: string | null
    }
  /** The shell that started the scripts was killed. */
  | { readonly kind: 'lost'; readonly exitCode: number | null; readonly signal: NodeJS.Signals | null }

/** Runs the scripts of an existing directory as dib-run-parts does: environment.d, scripts in order up to the first that fails, table. */
export async function runParts(request: RunPartsRequest): Promise<RunPartsEnd> {
  const { directory, say } = request
  const selection = selectScripts(directory, request.environment)
  switch (selection.kind) {
    case 'unreadable':
      say(`Cannot read scripts directory [${selection.path}]: ${selection.reason}`)
      return { kind: 'failed', code: 1 }
    case 'bad-rule':
      say(`RUN_PARTS_REGEX [${selection.rule}] is refused: ${selection.reason}`)
      return { kind: 'failed', code: 1 }
    case 'selected':
      break
  }
  const environment = environmentFiles(directory)
  if (environment.kind === 'unreadable') {
    say(`Cannot read ${environment.path}: ${environment.reason}`)
    return { kind: 'failed', code: 1 }
  }
  const table = (rows: readonly ProfileRow[]) => say(...profileLines(lastComponent(directory), rows))
  if (selection.scripts.length > 0 || environment.files.length > 0) {
    return runWithShell(request, { scripts: selection.scripts, environmentFiles: environment.files, table })
  }
  table([])
  return { kind: 'done' }
}

interface Work {
  readonly scripts: readonly string[]
  readonly environmentFiles: readonly string[]
  /** Writes the table at the end. */
  readonly table: (rows: readonly ProfileRow[]) => void
}

async function runWithShell(request: RunPartsRequest, work: Work): Promise<RunPartsEnd> {
  const opening = await openStarter({
    name: request.name,
    environment: { ...request.environment, ...request.extraEnvironment },
    environmentFiles: work.environmentFiles,
    onSource: file => request.say(`Sourcing environment file ${file}`),
    stdio: request.stdio,
    withheld: request.withheld,
    onShell: pid => request.onShell?.(pid),
  })
  if (request.isStopped()) return { kind: 'stopped' }
  if (opening.kind !== 'ready') return describeFailure(opening, request.say)
  const { starter } = opening
  request.onStop(() => starter.endSeries())
  const rows: ProfileRow[] = []
  const end = await starter.runSeries({
    directory: request.directory,
    names: work.scripts,
    announcer: request.name,
    time: request.time,
    onStart: name => request.onScript?.(name),
    onCompleted: (name, seconds) => rows.push({ name, seconds }),
  })
  if (end.kind === 'lost') return request.isStopped() ? { kind: 'stopped' } : end
  // Meanwhile the shell ends.
  if (end.kind === 'done') work.table(rows)
  await starter.close()
  return end.kind === 'failed' ? { ...end, script: end.name } : end
}

function describeFailure(opening: Exclude<StarterOpening, { kind: 'ready' }>, say: Messages): RunPartsEnd {
  if (opening.kind === 'unavailable') {
    say(`Cannot start bash, which starts the scripts: ${opening.reason}`)
    return { kind: 'failed', code: 1 }
  }
  // The code of a failing command, `exit 3` or `set -u` is the run's own; leaving by `exit 0` would look like success.
  if (opening.code === 0) say(`Environment file ${opening.file} ended the shell with exit 0: no script runs`)
  return { kind: 'failed', code: opening.code || 1 }
}

/** `configure.d` of `/base/configure.d//`. */
function lastComponent(directory: string): string {
  return /([^/]*)\/*$/.exec(directory)![1] || '/'
}
