import { randomBytes } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { InstarError } from '@instar/contract/errors'
import { makeFolder } from '../make-folder.ts'
import { foldJournal } from './fold.ts'
import { bootIdentity, isOwnerAlive } from './owner.ts'
import type { RefreshRun } from './records.ts'

const RUN_ID = /^\d{8}-\d{6}-[0-9a-f]{6}$/

/** The journal of this host's runs: a folder each, in one folder. */
export class RefreshStore {
  readonly dir: string

  constructor(stateDir: string) {
    this.dir = join(stateDir, 'refresh')
  }

  /** Makes the folder; throws `refresh.journal-unwritable`. */
  prepare(): void {
    try {
      makeFolder(this.dir, 0o700)
    } catch (error) {
      throw new InstarError('refresh.journal-unwritable', `cannot make the folder of the journal ${this.dir}`, { cause: error })
    }
  }

  folderOf(id: string): string {
    return join(this.dir, id)
  }

  journalOf(id: string): string {
    return join(this.dir, id, 'journal.jsonl')
  }

  /** Ids of all runs, the oldest first. */
  ids(): string[] {
    try {
      return readdirSync(this.dir)
        .filter(name => RUN_ID.test(name))
        .sort()
    } catch {
      return []
    }
  }

  /** `undefined` where the folder holds no run: one that was killed before its first line. */
  load(id: string): RefreshRun | undefined {
    const boot = bootIdentity()
    const text = readText(this.journalOf(id))
    return text === undefined ? undefined : foldJournal(text, owner => isOwnerAlive(owner, boot))
  }

  /** All runs, the newest first. */
  list(): RefreshRun[] {
    return this.ids()
      .map(id => this.load(id))
      .filter(run => run !== undefined)
      .sort((a, b) => (a.started_at < b.started_at ? 1 : -1))
  }

  latest(): RefreshRun | undefined {
    const ids = this.ids()
    // Ids have the second; runs that began in the same one are ordered by their first line.
    const second = ids.at(-1)?.slice(0, 15)
    const runs = ids
      .filter(id => id.slice(0, 15) === second)
      .map(id => this.load(id))
      .filter(run => run !== undefined)
    return runs.sort((a, b) => (a.started_at < b.started_at ? 1 : -1))[0]
  }

  /** A run by its id, the beginning of one, or "last"; throws `run.unknown`. */
  find(name: string): RefreshRun {
    const ids = this.ids()
    const found = ids.filter(id => id.startsWith(name))
    const run = name === 'last' ? this.latest() : found.length === 1 ? this.load(found[0]!) : undefined
    if (run !== undefined) return run
    const message =
      found.length > 1 ? `"${name}" begins the ids of ${found.length} runs` : `there is no run "${name}" among ${ids.length} in ${this.dir}`
    throw new InstarError('run.unknown', message, { hint: 'See instar refresh log.' })
  }
}

/** A name for a run that sorts by time and that a person can type: `20261122-021345-4f9a1c`. */
export function newRefreshId(now: Date): string {
  const [date = '', time = ''] = now.toISOString().split('T')
  return `${date.replaceAll('-', '')}-${time.slice(0, 8).replaceAll(':', '')}-${randomBytes(3).toString('hex')}`
}

/** When a run began, as its id tells. */
export function timeOfId(id: string): number {
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)/.exec(id) ?? []
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.map(Number)
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
