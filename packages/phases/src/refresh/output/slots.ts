import { closeSync, existsSync, fstatSync, lstatSync, mkdirSync, open, openSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A pair of files that take what one script prints. */
export interface Slot {
  /** Name of the files without `.stdout` and `.stderr`; empty for the null device, where no file could be made. */
  readonly name: string
  readonly stdout: OutputFile
  readonly stderr: OutputFile
}

export interface OutputFile {
  readonly path: string
  readonly fd: number
}

/**
 * Files for the output of scripts, in the run's folder. A script has a pair of its own, but those that print nothing and leave no process
 * behind hand theirs on to the next, and a spare pair is made while a script runs: making two files costs as much as a trivial script, on
 * some disks more. Files that are empty in the end are removed.
 */
export class OutputSlots {
  readonly #dir: string
  readonly #fail: (error: unknown) => void
  readonly #free: Slot[] = []
  readonly #empty: string[] = []
  #refilling: Promise<void> | undefined
  #made: number

  /** `made`: how many pairs the folder has had already, before a reboot. `fail` hears why output could not be kept. */
  constructor(runFolder: string, made: number, fail: (error: unknown) => void) {
    this.#dir = join(runFolder, 'output')
    this.#made = made
    this.#fail = fail
  }

  take(): Slot {
    const slot = this.#free.pop() ?? this.#make()
    if (this.#free.length === 0) this.#refilling ??= this.#refill()
    return slot
  }

  /** Gives a pair back. `isUnheld`: no process can have it open any more; `isSilent`: nothing was printed so far. */
  giveBack(slot: Slot, { isUnheld, isSilent }: { readonly isUnheld: boolean; readonly isSilent: boolean }): void {
    if (slot.name !== '' && isUnheld && isSilent) {
      this.#free.push(slot)
      return
    }
    const files = [slot.stdout, slot.stderr]
    if (slot.name !== '') this.#empty.push(...files.filter(({ fd }) => fstatSync(fd).size === 0).map(({ path }) => path))
    for (const { fd } of files) closeSync(fd)
  }

  async close(): Promise<void> {
    await this.#refilling
    for (const slot of this.#free.splice(0)) this.giveBack(slot, { isUnheld: false, isSilent: true })
    // A daemon may have begun to print meanwhile.
    for (const path of this.#empty) if (lstatSync(path).size === 0) unlinkSync(path)
  }

  #make(): Slot {
    try {
      if (!existsSync(this.#dir)) mkdirSync(this.#dir, 0o700)
      const { name, paths } = this.#next()
      return slotOf(
        name,
        paths.map(path => ({ path, fd: openSync(path, 'a+', 0o600) })),
      )
    } catch (error) {
      // A full disk keeps the output from us, not the script from its work.
      this.#fail(error)
      return slotOf(
        '',
        ['/dev/null', '/dev/null'].map(path => ({ path, fd: openSync(path, 'a+') })),
      )
    }
  }

  async #refill(): Promise<void> {
    const { name, paths } = this.#next()
    try {
      const files = await Promise.all(paths.map(async path => ({ path, fd: await promisify(open)(path, 'a+', 0o600) })))
      this.#free.push(slotOf(name, files))
    } catch {
      // It is made, and its error told, when it is needed.
    }
    this.#refilling = undefined
  }

  #next(): { name: string; paths: string[] } {
    this.#made += 1
    const name = String(this.#made)
    return { name, paths: ['stdout', 'stderr'].map(stream => join(this.#dir, `${name}.${stream}`)) }
  }
}

function slotOf(name: string, files: readonly OutputFile[]): Slot {
  const [stdout, stderr] = files
  if (stdout === undefined || stderr === undefined) throw new Error('a slot has two files')
  return { name, stdout, stderr }
}
