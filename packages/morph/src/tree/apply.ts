import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { InstarError } from '@instar/contract'
import type { Machine } from '@instar/machine'
import tar from 'tar-stream'
import { APPLY_SCRIPT, ARE_FREE_SCRIPT, UNPACK_SCRIPT } from './apply-script.ts'
import type { TreeChange, TreeEntry } from './guest-tree.ts'

const REPORT_LIMIT_BYTES = 64 * 1024 * 1024

/** A change as it was made, for the report of a morph. Hashes are of files only. */
export interface AppliedChange {
  readonly path: string
  readonly change: TreeChange['change']
  readonly kind: TreeEntry['kind']
  readonly sha256Before?: string
  readonly sha256After?: string
}

export interface ApplyOptions {
  readonly signal: AbortSignal
  /** SELinux labels for what is written, by path; files that existed keep theirs without it. Needs `setfattr` on the minion. */
  readonly labels?: ReadonlyMap<string, string>
}

/**
 * Writes the changes of a tree into the mounted guest in one command, and flushes them. Files keep owner, ACL, label and other attributes;
 * nothing is written through a link. Doing it twice gives the same. Throws `guest.write-failed`; what was written till then stays.
 */
export async function applyChanges(
  machine: Machine,
  root: string,
  changes: readonly TreeChange[],
  { signal, labels }: ApplyOptions,
): Promise<AppliedChange[]> {
  if (changes.length === 0) return []
  const ordered = inOrder(changes)
  const stdin = await pack(ordered, labels ?? new Map())
  const result = await machine.run(['sh', '-c', UNPACK_SCRIPT], { cwd: root, signal, stdin, captureBytes: REPORT_LIMIT_BYTES })
  if (result.exitCode !== 0) {
    throw new InstarError('guest.write-failed', `the guest's files were not all written: ${result.stderrTail.trim().slice(-500)}`, {
      details: { exitCode: result.exitCode, stderr: result.stderrTail },
    })
  }
  return reported(ordered, result.stdout.toString('latin1'))
}

/** Removals first, what a folder holds before the folder; then the rest, folders first. */
function inOrder(changes: readonly TreeChange[]): TreeChange[] {
  const removed = changes.filter(each => each.change === 'removed')
  return [...removed.toReversed(), ...changes.filter(each => each.change !== 'removed')]
}

async function pack(changes: readonly TreeChange[], labels: ReadonlyMap<string, string>): Promise<Buffer> {
  const all = changes.map((change, at) => ({ change, isNew: goesByTar(change, labels), words: wordsFor(change, at, labels) }))
  const added = all.filter(({ isNew }) => isNew).map(({ change }) => change)
  const rest = all.filter(({ isNew }) => !isNew)
  const lists = {
    all: all.map(({ words }) => words),
    rest: rest.map(({ words }) => words),
    new: added.map(({ path }) => `${path.slice(1)}\0`),
    files: changes.flatMap(({ path, content }) => (content === undefined ? [] : [`.${path}\0`])),
  }
  const archive = tar.pack()
  archive.entry({ name: 'apply' }, APPLY_SCRIPT)
  archive.entry({ name: 'are-free' }, ARE_FREE_SCRIPT)
  for (const [name, words] of Object.entries(lists)) archive.entry({ name }, Buffer.from(words.join(''), 'latin1'))
  archive.entry({ name: 'new.tar' }, await packNew(added))
  for (const [at, { change, isNew }] of all.entries())
    if (!isNew && change.content !== undefined) archive.entry({ name: String(at) }, change.content)
  return await finished(archive)
}

/** What has a label needs a program of its own, and tar-stream writes names as UTF-8 while a guest's may be any bytes. */
function goesByTar({ change, path, entry }: TreeChange, labels: ReadonlyMap<string, string>): boolean {
  return change === 'created' && !labels.has(path) && /^[ -~]*$/.test(`${path}${entry?.target ?? ''}`)
}

async function packNew(changes: readonly TreeChange[]): Promise<Buffer> {
  const archive = tar.pack()
  for (const { path, entry, content } of changes) {
    const owned = { name: path.slice(1), mode: entry?.mode ?? 0o644, uid: entry?.uid ?? 0, gid: entry?.gid ?? 0 }
    if (entry?.kind === 'link') archive.entry({ ...owned, type: 'symlink', linkname: entry.target ?? '' })
    else if (entry?.kind === 'dir') archive.entry({ ...owned, type: 'directory' })
    else archive.entry({ ...owned, type: 'file' }, content)
  }
  return await finished(archive)
}

async function finished(archive: tar.Pack): Promise<Buffer> {
  archive.finalize()
  return await buffer(archive)
}

function wordsFor(change: TreeChange, at: number, labels: ReadonlyMap<string, string>): string {
  const { path, entry, content } = change
  const kind = change.change === 'removed' ? 'remove' : (entry?.kind ?? 'other')
  if (kind === 'other' || (kind === 'file' && content === undefined)) {
    throw new InstarError('internal.bug', `the change of ${path} has no content to write`)
  }
  const label = labels.get(path)
  // The value of the attribute ends in a NUL, which only the hexadecimal form can hold.
  const value = label === undefined ? '-' : `0x${Buffer.from(`${label}\0`, 'latin1').toString('hex')}`
  const file = goesByTar(change, labels) ? `contents${path}` : String(at)
  const extra = kind === 'link' ? (entry?.target ?? '') : file
  const owned = [(entry?.mode ?? 0o644).toString(8), entry?.uid ?? 0, entry?.gid ?? 0]
  return [at, kind, path.slice(1), ...owned, extra, value].map(word => `${word}\0`).join('')
}

function reported(changes: readonly TreeChange[], output: string): AppliedChange[] {
  const [lines = '', hashes = ''] = output.split('\u001E')
  const befores = new Map(lines.split('\n').map(line => line.split(' ') as [string, string]))
  const afters = hashes.split('\0')
  return changes.map((change, at) => {
    const { path, entry, content } = change
    // What went in by tar has no line: nothing was there.
    const before = befores.get(String(at)) ?? (change.change === 'created' ? '-' : undefined)
    const after = content === undefined ? '-' : afters.shift()?.split(' ')[0]
    if (before === undefined || !after) throw new InstarError('guest.write-failed', `the minion did not report ${path}`)
    const expected = content === undefined ? '-' : createHash('sha256').update(content).digest('hex')
    if (after !== expected)
      throw new InstarError('guest.write-failed', `${path} does not hold what was written`, { details: { after, expected } })
    return { path, change: change.change, kind: entry?.kind ?? 'other', ...hash('sha256Before', before), ...hash('sha256After', after) }
  })
}

function hash<K extends string>(key: K, value: string): { [P in K]?: string } {
  return value === '-' ? {} : ({ [key]: value } as { [P in K]?: string })
}
