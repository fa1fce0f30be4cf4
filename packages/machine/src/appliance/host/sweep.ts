import { mkdtemp, readFile, readdir, realpath, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatOwner, mayBeAlive, parseOwner, thisOwner } from '../../images/owner.ts'
import { makeFolder } from '../../make-folder.ts'
import { namingFile } from '../../naming-file.ts'
import { identityOf, isAlive } from '../../process-identity.ts'

const NAME = /^appliance-([0-9a-f-]+)-[0-9A-Za-z]{6}$/
const QEMU_FILE = 'qemu.json'

/** A folder for one running appliance; its name tells the owner, so that who comes later can remove it. */
export async function makeRuntimeFolder(runtimeDir: string): Promise<string> {
  await makeFolder(runtimeDir, 0o700)
  return await mkdtemp(join(await realpath(runtimeDir), `appliance-${formatOwner(thisOwner())}-`))
}

/** Notes the QEMU of a folder, for the case that it should ever outlive its owner. */
export async function noteQemu(folder: string, pid: number): Promise<void> {
  const file = join(folder, QEMU_FILE)
  await namingFile(file, () => writeFile(file, JSON.stringify(identityOf(pid) ?? null)))
}

/** Removes what dead owners left in the folder of running appliances, and ends a QEMU of theirs that still runs. Gives the names removed. */
export async function sweepRuntime(runtimeDir: string): Promise<string[]> {
  const removed: string[] = []
  for (const name of await readdir(runtimeDir).catch(() => [])) {
    const owner = parseOwner(NAME.exec(name)?.[1] ?? '')
    if (owner === undefined || mayBeAlive(owner)) continue
    const folder = join(runtimeDir, name)
    await endQemu(folder)
    await rm(folder, { recursive: true, force: true })
    removed.push(name)
  }
  return removed
}

async function endQemu(folder: string): Promise<void> {
  const text = await readFile(join(folder, QEMU_FILE), 'utf8').catch(() => 'null')
  const identity = parseIdentity(text)
  if (identity === undefined || !isAlive(identity)) return
  try {
    process.kill(identity.pid, 'SIGKILL')
  } catch (error) {
    // It ended between the look and the signal.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** A half-written note counts as none. */
function parseIdentity(text: string): Parameters<typeof isAlive>[0] | undefined {
  try {
    const value = JSON.parse(text) as Parameters<typeof isAlive>[0] | null
    return value !== null && Number.isInteger(value.pid) && value.pid > 1 ? value : undefined
  } catch {
    return undefined
  }
}
