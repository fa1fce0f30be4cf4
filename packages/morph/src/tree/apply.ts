import { createHash } from 'node:crypto'
import { InstarError } from '@instar/contract'
import type { Machine } from '@instar/machine'
import tar from 'tar-stream'
import { APPLY_SCRIPT, UNPACK_SCRIPT } from './apply-script.ts'
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
  const archive = tar.pack()
  archive.entry({ name: 'apply' }, APPLY_SCRIPT)
  archive.entry({ name: 'list' }, Buffer.from(changes.map((change, at) => wordsFor(change, at, labels)).join(''), 'latin1'))
  for (const [at, { content }] of changes.entries()) if (content !== undefined) archive.entry({ name: String(at) }, content)
  archive.finalize()
  const pieces: Buffer[] = []
  for await (const piece of archive as AsyncIterable<Buffer>) pieces.push(piece)
  return Buffer.concat(pieces)
}

function wordsFor({ path, change, entry, content }: TreeChange, at: number, labels: ReadonlyMap<string, string>): string {
  const kind = change === 'removed' ? 'remove' : (entry?.kind ?? 'other')
  if (kind === 'other' || (kind === 'file' && content === undefined)) {
    throw new InstarError('internal.bug', `the change of ${path} has no content to write`)
  }
  const label = labels.get(path)
  // The value of the attribute ends in a NUL, which only the hexadecimal form can hold.
  const value = label === undefined ? '-' : `0x${Buffer.from(`${label}\0`, 'latin1').toString('hex')}`
  const extra = kind === 'link' ? (entry?.target ?? '') : String(at)
  const owned = [(entry?.mode ?? 0o644).toString(8), entry?.uid ?? 0, entry?.gid ?? 0]
  return [at, kind, path.slice(1), ...owned, extra, value].map(word => `${word}\0`).join('')
}

function reported(changes: readonly TreeChange[], output: string): AppliedChange[] {
  const hashes = new Map(output.split('\n').map(line => [line.split(' ')[0], line.split(' ').slice(1)] as const))
  return changes.map(({ path, change, entry, content }, at) => {
    const [before, after] = hashes.get(String(at)) ?? []
    if (before === undefined || after === undefined) throw new InstarError('guest.write-failed', `the minion did not report ${path}`)
    const expected = content === undefined ? '-' : createHash('sha256').update(content).digest('hex')
    if (after !== expected)
      throw new InstarError('guest.write-failed', `${path} does not hold what was written`, { details: { after, expected } })
    return { path, change, kind: entry?.kind ?? 'other', ...hash('sha256Before', before), ...hash('sha256After', after) }
  })
}

function hash<K extends string>(key: K, value: string): { [P in K]?: string } {
  return value === '-' ? {} : ({ [key]: value } as { [P in K]?: string })
}
