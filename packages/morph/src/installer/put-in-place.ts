import { InstarError } from '@instar/contract'
import type { Machine } from '@instar/machine'
import type { IsolatedCommand } from './isolation.ts'
import type { PackageOverlay } from './plan-packages.ts'

/** Clean-up has its own time: after a cancel the run's signal is aborted and would skip it. */
const CLEAN_UP_TIMEOUT_MS = 30_000

export interface PutInPlace extends AsyncDisposable {
  /** Those that a run mounts itself. */
  readonly overlays: IsolatedCommand['overlays']
}

/** Writes the files of a plan for the time of a run; the disposal takes back what it made in the guest, whatever happened between. */
export async function putInPlace(
  machine: Machine,
  root: string,
  overlays: readonly PackageOverlay[],
  signal: AbortSignal,
): Promise<PutInPlace> {
  await using stack = new AsyncDisposableStack()
  const folder = (await must(machine, ['mktemp', '-d', '/tmp/instar-packages.XXXXXX'], signal)).trim()
  stack.defer(() => undo(machine, ['rm', '-rf', folder]))
  const mounted: IsolatedCommand['overlays'][number][] = []
  for (const [index, { place, mode, content }] of overlays.entries()) {
    const bytes = typeof content === 'string' ? content : await machine.read('/etc/resolv.conf', { signal })
    if (bytes === undefined) continue
    const file = `${folder}/${index}`
    await machine.write(file, bytes, { signal, mode })
    if (place.how === 'bind' || place.how === 'run') {
      mounted.push({ how: place.how, file, at: place.at })
      continue
    }
    const at = `${root}${place.at}`
    if (place.how === 'replace') {
      await must(machine, ['mv', '-T', at, `${root}${place.aside}`], signal)
      stack.defer(() => undo(machine, ['mv', '-T', `${root}${place.aside}`, at]))
    }
    // Taken back only while it is still ours: a package may have brought a file of its own.
    stack.defer(() => undo(machine, ['sh', '-c', 'if cmp -s "$1" "$2"; then rm -f "$2"; fi', 'sh', file, at]))
    await must(machine, ['cp', '-p', file, at], signal)
  }
  const owned = stack.move()
  return { overlays: mounted, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function must(machine: Machine, argv: readonly string[], signal: AbortSignal): Promise<string> {
  const result = await machine.run(argv, { signal, captureBytes: 4096 })
  if (result.exitCode === 0) return result.stdout.toString()
  throw new InstarError(
    'packages.failed',
    `cannot prepare the guest for its package manager: ${argv.join(' ')} ended with ${result.exitCode}: ${result.stderrTail}`,
  )
}

async function undo(machine: Machine, argv: readonly string[]): Promise<void> {
  await machine.run(argv, { signal: AbortSignal.timeout(CLEAN_UP_TIMEOUT_MS) })
}
