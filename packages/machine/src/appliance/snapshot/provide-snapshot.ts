import { createHash } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { holdLock } from '../host/lock.ts'
import { qemuVersion } from '../host/qemu-version.ts'
import { type QemuOptions, type SnapshotFiles, qemuArguments } from '../qemu/argv.ts'
import { makeSnapshot } from './make-snapshot.ts'
import { WARM_UP } from './warm-up.ts'

const FOLDER_PREFIX = 'snapshot-'
const DRAFT_PREFIX = 'draft-snapshot-'
/** In the place of a snapshot that cannot be made or used here: why. */
const USELESS_FILE = 'useless'
/** Then it is tried again: a host may have been full, or busy beyond all time limits. */
const USELESS_MS = 24 * 60 * 60 * 1000

/** A snapshot of an appliance, ready to start any number of machines. */
export interface Snapshot {
  readonly folder: string
  readonly files: SnapshotFiles
}

interface ProvideOptions extends Omit<QemuOptions, 'from' | 'disks'> {
  readonly signal: AbortSignal
  readonly onProgress: (message: string, percent?: number) => void
}

/**
 * The snapshot of this appliance under this QEMU, made first if there is none. `undefined` where none can be made: an appliance can always
 * boot. It lies in the folder of the appliance, and goes with it.
 */
export async function provideSnapshot(options: ProvideOptions): Promise<Snapshot | undefined> {
  const home = dirname(options.image.rootImage)
  const folder = join(home, `${FOLDER_PREFIX}${await keyOf(options)}`)
  const known = await readSnapshot(folder)
  if (known !== 'none') return known === 'useless' ? undefined : known
  try {
    await using _ = await holdLock(join(home, 'snapshot.lock'), options.signal)
    const madeMeanwhile = await readSnapshot(folder)
    if (madeMeanwhile !== 'none') return madeMeanwhile === 'useless' ? undefined : madeMeanwhile
    await removeOthers(home)
    options.onProgress('Building the appliance: starting it once, for all later starts', 90)
    await make(join(home, `${DRAFT_PREFIX}${process.pid}`), folder, options)
    return { folder, files: filesIn(folder) }
  } catch (error) {
    options.signal.throwIfAborted()
    await markUseless(folder, error)
    return undefined
  }
}

/** So that nobody tries this snapshot again for a day. A cache that this user may only read keeps it. */
export async function markUseless(folder: string, why: unknown): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder)
    await writeFile(join(folder, USELESS_FILE), `${why instanceof Error ? why.message : String(why)}\n`)
  } catch {
    // The appliance boots all the same.
  }
}

/** What a snapshot depends on beside the appliance, in whose folder it lies. */
async function keyOf(options: ProvideOptions): Promise<string> {
  const image = { kernel: '', rootImage: '', diskId: '' }
  const argv = qemuArguments({ ...options, image, from: { kind: 'kernel-to-snapshot', files: filesIn('') }, disks: [] })
  return createHash('sha256')
    .update(JSON.stringify([argv, WARM_UP, await qemuVersion()]))
    .digest('hex')
    .slice(0, 16)
}

function filesIn(folder: string): SnapshotFiles {
  return { memory: join(folder, 'memory'), state: join(folder, 'state'), root: join(folder, 'root.qcow2') }
}

async function readSnapshot(folder: string): Promise<Snapshot | 'useless' | 'none'> {
  const names: string[] = await readdir(folder).catch(() => [])
  if (!names.includes(USELESS_FILE)) return names.length === 0 ? 'none' : { folder, files: filesIn(folder) }
  const { mtimeMs } = await stat(join(folder, USELESS_FILE))
  return Date.now() - mtimeMs < USELESS_MS ? 'useless' : 'none'
}

/** We hold the lock: a draft is of somebody dead, and another snapshot of another QEMU. Who runs from its files has them open. */
async function removeOthers(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (name.startsWith(FOLDER_PREFIX) || name.startsWith(DRAFT_PREFIX)) await rm(join(home, name), { recursive: true, force: true })
  }
}

async function make(draft: string, folder: string, options: ProvideOptions): Promise<void> {
  try {
    await mkdir(draft, { mode: 0o700 })
    await makeSnapshot({ ...options, folder: draft, files: filesIn(draft) })
    await rename(draft, folder)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}
