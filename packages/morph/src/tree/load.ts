import { InstarError } from '@instar/contract'
import type { Machine, RunOptions } from '@instar/machine'
import type { GuestTree } from './guest-tree.ts'
import { FIELDS, Listing } from './listing.ts'
import { createMemoryTree } from './memory-tree.ts'
import type { DirNode, Node } from './nodes.ts'
import { pathOf, resolve } from './resolve.ts'
import { readTar } from './tar-contents.ts'
import type { Wanted } from './wanted.ts'
import { descendPattern, followsFrom, GRUB_MODULES, readLimit, withPaths } from './wanted.ts'

/** All contents together; the largest files are left out first. */
const TOTAL_LIMIT_BYTES = 256 * 1024 * 1024
/** A path that the kernel takes (PATH_MAX with its NUL, less our "."). */
const MAX_PATH = 4000
/** Each round looks one folder further along links that leave the wanted folders. */
const MAX_LINK_ROUNDS = 8
/** Links to folders that hold links to folders: each round lists all anew. */
const MAX_MOVES = 3
const MAX_LINKS_A_ROUND = 20_000

export interface LoadOptions {
  readonly signal: AbortSignal
  /** Files, or folders with all they hold, to load beside the list in wanted.ts: "/opt/agent". */
  readonly paths?: readonly string[]
}

/**
 * The part of the mounted guest that a morph works on, in a few commands: names, then contents as one tar stream. File systems of the
 * kernel are not entered and links never followed by the minion. Throws `guest.load-failed` when something could not be read, and
 * `guest.too-large` for more names than fit in memory; files over the limits stay without content (see `createMemoryTree`).
 */
export async function loadTree(machine: Machine, root: string, { signal, paths = [] }: LoadOptions): Promise<GuestTree> {
  const { listing, wanted } = await listWanted(machine, root, { wanted: withPaths(paths), signal })
  const links = linksOf(listing.root, wanted)
  await lookAlong(links, { machine, root, listing, signal })
  const asked = contentsToAsk(listing, wanted, links)
  await readContents(machine, root, { asked, listing, signal })
  return createMemoryTree(listing.root)
}

/** Lists the wanted folders; where links of the guest lead to others in their place (/var -> /data/var), those as well. */
async function listWanted(
  machine: Machine,
  root: string,
  asked: { wanted: readonly Wanted[]; signal: AbortSignal },
): Promise<{ listing: Listing; wanted: readonly Wanted[] }> {
  const { signal } = asked
  let { wanted } = asked
  for (let round = 0; ; round++) {
    const listing = new Listing()
    await listFolders(machine, root, { listing, wanted, signal })
    const folders = wanted.map(({ folder }) => folder)
    await lookAlong(folders, { machine, root, listing, signal })
    const moved = wanted.flatMap(each => behindLink(listing.root, each) ?? [])
    if (moved.length === 0 || round === MAX_MOVES) return { listing, wanted }
    wanted = [...wanted, ...moved]
  }
}

/** The folder that stands in the place of a wanted one and has not been listed, because a link leads to it. */
function behindLink(root: DirNode, wanted: Wanted): Wanted | undefined {
  const place = unknownOn(root, wanted.folder).length === 0 ? resolve(root, wanted.folder, true) : undefined
  if (place?.node?.kind !== 'dir' || place.node.isListed) return undefined
  return { ...wanted, folder: pathOf(place.names), standsFor: wanted.standsFor ?? wanted.folder }
}

async function listFolders(machine: Machine, root: string, to: { listing: Listing; wanted: readonly Wanted[]; signal: AbortSignal }) {
  const kernel = ['proc', 'sysfs', 'devtmpfs', 'devpts', 'cgroup2', 'efivarfs'].flatMap(type => ['-o', '-fstype', type])
  const unwanted = ['!', '-regex', descendPattern(to.wanted), '-o', '-regex', GRUB_MODULES]
  const pruned = ['(', '-type', 'd', '(', ...unwanted, ...kernel, ')', ')']
  const argv = [
    'find',
    '.',
    '-regextype',
    'posix-extended',
    ...pruned,
    '-printf',
    `p\\0${FIELDS}`,
    '-prune',
    '-o',
    '-printf',
    `%y\\0${FIELDS}`,
  ]
  await stream(machine, argv, { cwd: root, signal: to.signal, onStdout: piece => to.listing.add(piece) })
}

/** Links in folders whose files are read: their targets are looked at as well. */
function linksOf(root: DirNode, wanted: readonly Wanted[]): string[] {
  const links: string[] = []
  walk(root, (path, node) => {
    if (node.kind === 'link' && readLimit(wanted, path) > 0) links.push(path)
  })
  return links
}

/** Lets every link end at something known: asks for the first unknown name on the way of each, until there is none. */
async function lookAlong(
  links: readonly string[],
  at: { machine: Machine; root: string; listing: Listing; signal: AbortSignal },
): Promise<void> {
  for (let round = 0; round < MAX_LINK_ROUNDS; round++) {
    const unknown = [...new Set(links.flatMap(path => unknownOn(at.listing.root, path)))].slice(0, MAX_LINKS_A_ROUND)
    if (unknown.length === 0) return
    // A folder is only named here, not listed; a name that is not there is no failure.
    const script = 'format=$1; shift; find "$@" -maxdepth 0 \\( -type d -printf "p\\0$format" -o -printf "%y\\0$format" \\) 2>/dev/null; :'
    await stream(at.machine, ['xargs', '-0', '-r', 'sh', '-c', script, 'sh', FIELDS], {
      cwd: at.root,
      signal: at.signal,
      stdin: namesFor(unknown),
      onStdout: piece => at.listing.add(piece),
    })
    at.listing.markAbsent(unknown)
  }
}

function unknownOn(root: DirNode, path: string): string[] {
  try {
    resolve(root, path, true)
    return []
  } catch (error) {
    const unknown = error instanceof InstarError ? error.details['path'] : undefined
    return typeof unknown === 'string' && unknown.length < MAX_PATH ? [unknown] : []
  }
}

/** The files to read, by their path. What is over a limit is marked so; when all together are too much, the largest are. */
function contentsToAsk(listing: Listing, wanted: readonly Wanted[], links: readonly string[]): Set<string> {
  const files = new Map<string, number>()
  const consider = (path: string, node: Node, limit: number): void => {
    if (node.kind !== 'file' || limit === 0) return
    if (node.sizeBytes > limit || path.length > MAX_PATH) listing.setContent(path, 'too-large')
    else files.set(path, node.sizeBytes)
  }
  walk(listing.root, (path, node) => consider(path, node, readLimit(wanted, path)))
  for (const link of links.filter(followsFrom)) {
    const place = unknownOn(listing.root, link).length === 0 ? resolve(listing.root, link, true) : undefined
    if (place?.node !== undefined && readLimit(wanted, pathOf(place.names)) === 0)
      consider(pathOf(place.names), place.node, readLimit(wanted, link))
  }
  let total = 0
  const asked = new Set<string>()
  for (const [path, sizeBytes] of [...files].sort((a, b) => a[1] - b[1])) {
    total += sizeBytes
    if (total > TOTAL_LIMIT_BYTES) listing.setContent(path, 'too-large')
    else asked.add(path)
  }
  return asked
}

async function readContents(machine: Machine, root: string, of: { asked: ReadonlySet<string>; listing: Listing; signal: AbortSignal }) {
  if (of.asked.size === 0) return
  const missing = new Set(of.asked)
  const reader = readTar((name, content) => {
    const path = name.slice(1)
    if (missing.delete(path)) of.listing.setContent(path, content)
  })
  const argv = ['tar', '-c', '--format=gnu', '--no-recursion', '--hard-dereference', '--null', '--no-unquote', '-T', '-', '-f', '-']
  await stream(machine, argv, { cwd: root, signal: of.signal, stdin: namesFor([...of.asked]), onStdout: piece => reader.add(piece) })
  await reader.end()
  if (missing.size > 0) throw new InstarError('guest.load-failed', `the minion did not send ${[...missing][0]} of the guest`)
}

function namesFor(paths: readonly string[]): Buffer {
  return Buffer.from(paths.map(path => `.${path}\0`).join(''), 'latin1')
}

function walk(root: DirNode, visit: (path: string, node: Node) => void): void {
  const open: [path: string, dir: DirNode][] = [['', root]]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const [name, node] of at[1].children) {
      if (node === undefined) continue
      visit(`${at[0]}/${name}`, node)
      if (node.kind === 'dir') open.push([`${at[0]}/${name}`, node])
    }
  }
}

/** Runs a command whose output is taken as it comes. What the taker throws ends the command and is what the caller gets. */
async function stream(
  machine: Machine,
  argv: readonly string[],
  options: RunOptions & { onStdout: NonNullable<RunOptions['onStdout']> },
): Promise<void> {
  const refusal = new AbortController()
  const onStdout = (piece: Buffer): void | Promise<void> => {
    if (refusal.signal.aborted) return undefined
    try {
      return options.onStdout(piece)
    } catch (error) {
      refusal.abort(error)
      return undefined
    }
  }
  const signal = AbortSignal.any([options.signal, refusal.signal])
  const result = await machine.run(argv, { ...options, signal, onStdout }).catch((error: unknown) => {
    throw refusal.signal.aborted ? refusal.signal.reason : error
  })
  if (refusal.signal.aborted) throw refusal.signal.reason
  if (result.exitCode !== 0) {
    throw new InstarError('guest.load-failed', `${argv[0]} could not read the guest's files: ${result.stderrTail.trim().slice(-500)}`, {
      details: { argv: result.argv.slice(0, 20), exitCode: result.exitCode, stderr: result.stderrTail },
    })
  }
}
