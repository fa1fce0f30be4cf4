import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { heavy } from '@instar/fixtures'
import { type ApplianceOptions, type Machine, type RunResult, openAppliance } from '@instar/machine'

export const CACHE_DIR =
  process.env['INSTAR_CACHE_DIR'] ?? join(process.getuid?.() === 0 ? '/var/cache' : join(tmpdir(), 'cache'), 'instar')
const LIMIT_MS = 300_000

/** An appliance of its own folders, with shorthands; disposing checks that nothing of it is left on the host. */
export interface TestAppliance extends AsyncDisposable {
  readonly machine: Machine
  readonly folder: string
  readonly signal: AbortSignal
  readonly shell: (script: string) => Promise<RunResult>
  /** stdout of a shell script, without the last line break. */
  readonly say: (script: string) => Promise<string>
}

export async function openTestAppliance(options: Partial<ApplianceOptions> = {}): Promise<TestAppliance> {
  const signal = AbortSignal.timeout(LIMIT_MS)
  await using undo = new AsyncDisposableStack()
  undo.use(await heavy(signal))
  const folder = await mkdtemp(join(tmpdir(), 'instar-appliance-'))
  undo.defer(() => rm(folder, { recursive: true, force: true }))
  const runtimeDir = join(folder, 'run')
  undo.defer(async () => {
    const left = await readdir(runtimeDir)
    if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`)
  })
  const machine = undo.use(await openAppliance({ cacheDir: CACHE_DIR, runtimeDir, disks: [], signal, ...options }))
  const shell = (script: string) => machine.run(['sh', '-c', script], { signal, captureBytes: 1 << 20 })
  const held = undo.move()
  return {
    machine,
    folder,
    signal,
    shell,
    say: async script => (await shell(script)).stdout.toString().trimEnd(),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}
