import { randomInt } from 'node:crypto'
import { mkdir, readFile, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError } from '@instar/contract'
import { CACHE_TIMES, noteUse, pruneCache } from '../../cache/prune-cache.ts'
import { holdLock } from '../host/lock.ts'
import { runHostTool } from '../host/host-tool.ts'
import { requireFreeSpace } from '../../images/free-space.ts'
import { makeFolder } from '../../make-folder.ts'
import { modulePaths } from './module-order.ts'
import { AGENT_PATH, BOOT_MODULES, EXCLUDED_PATHS, FILES, FOLDERS, LINKS, MODULE_LIST_PATH, PACKAGES, SUITE } from './recipe.ts'
import { recipeHash } from './recipe-hash.ts'
import { makeRootDisk } from './root-disk.ts'
import { unpackKernel } from './vmlinux.ts'

const AGENT_SOURCE = new URL('../guest/agent.pl', import.meta.url)
const DRAFT_PREFIX = 'draft-appliance-'
const FOLDER_PREFIX = 'appliance-'
/** Written last: a folder that has it is complete. */
const DISK_ID_FILE = 'disk-id'
/** Each version of Instar has an appliance of its own, of about 450 MB with its snapshot. */
const MAX_CACHE_BYTES = 1_500_000_000
/** Lists, packages and what they unpack to, beside the disk that is made of it: 800 MB were seen. */
const BUILD_BYTES = 900_000_000

/** A built appliance, ready to start any number of times at once. */
export interface ApplianceImage {
  readonly kernel: string
  readonly rootImage: string
  /** The disk's id in hexadecimal, part of its partition's PARTUUID. */
  readonly diskId: string
  /** Changes when the content does; for answers that depend on it. */
  readonly hash: string
}

export interface BuildOptions {
  readonly cacheDir: string
  readonly signal: AbortSignal
  /** Sentences in the present, for people, and how much is done. */
  readonly onProgress: (message: string, percent: number) => void
}

/** How much is done when the packages are unpacked, which takes longest, and when that has ended. */
const UNPACKING_PERCENT = 28
const UNPACKED_PERCENT = 75
/** What they unpack to, so that it can be told how far it is: as of Debian 12.15. */
const UNPACKED_BYTES = 240_000_000
const LOOK_MS = 1000

/**
 * What mmdebstrap says when it begins something, how that is told, and how much of the whole is done then: by the clock of a machine with a
 * mirror near by, where all takes 25 s. The last 10 % are the snapshot's.
 */
const FETCHING: readonly (readonly [words: string, message: string, percent: number])[] = [
  ['running apt-get update', 'fetching lists', 0],
  ['downloading packages', 'fetching packages', 18],
  ['extracting archives', 'unpacking packages', UNPACKING_PERCENT],
]

/** The appliance of this recipe from the cache, built first if it is not there. Two who want it at once build it once. */
export async function provideImage(options: BuildOptions): Promise<ApplianceImage> {
  const agent = await readFile(AGENT_SOURCE)
  const hash = recipeHash(agent)
  const folder = join(options.cacheDir, `${FOLDER_PREFIX}${hash}`)
  const built = await readImage(folder, hash)
  if (built !== undefined) return built
  await makeFolder(options.cacheDir)
  await requireFreeSpace(options.cacheDir, BUILD_BYTES, 'building the appliance')
  await using _ = await holdLock(join(options.cacheDir, 'appliance.lock'), options.signal)
  const builtMeanwhile = await readImage(folder, hash)
  if (builtMeanwhile !== undefined) return builtMeanwhile
  await removeDrafts(options.cacheDir)
  const draft = join(options.cacheDir, `${DRAFT_PREFIX}${process.pid}`)
  try {
    await build(draft, agent, options)
    await rename(draft, folder)
    await pruneCache(options.cacheDir, name => name.startsWith(FOLDER_PREFIX), { ...CACHE_TIMES, maxBytes: MAX_CACHE_BYTES })
  } finally {
    await removeTree(draft)
  }
  return (await readImage(folder, hash))!
}

/** We hold the lock, so whoever made these is dead. */
async function removeDrafts(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) if (name.startsWith(DRAFT_PREFIX)) await removeTree(join(cacheDir, name))
}

async function removeTree(folder: string): Promise<void> {
  // What a killed mmdebstrap has started may write for a moment yet.
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
}

async function readImage(folder: string, hash: string): Promise<ApplianceImage | undefined> {
  const idFile = join(folder, DISK_ID_FILE)
  try {
    const diskId = (await readFile(idFile, 'utf8')).trim()
    await noteUse(folder)
    return { kernel: join(folder, 'vmlinux'), rootImage: join(folder, 'root.img'), diskId, hash }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new InstarError('machine.build-failed', `cannot read the appliance in ${folder}`, { cause: error })
  }
}

async function build(draft: string, agent: Buffer, { signal, onProgress }: BuildOptions): Promise<void> {
  const root = join(draft, 'root')
  await mkdir(draft, { recursive: true })
  const tell = (message: string, percent: number) => onProgress(`Building the appliance: ${message}`, percent)
  await unpackPackages(root, draft, { signal, tell })
  tell('unpacking the kernel', UNPACKED_PERCENT)
  await takeKernel(root, join(draft, 'vmlinux'), signal)
  await prepareModules(root, signal)
  await addOwnFiles(root, agent)
  tell('making its disk', 80)
  const diskId = randomInt(1, 2 ** 32)
  await makeRootDisk({ root, file: join(draft, 'root.img'), contentBytes: await treeBytes(root), diskId, signal })
  await removeTree(root)
  await writeFile(join(draft, DISK_ID_FILE), `${diskId.toString(16).padStart(8, '0')}\n`)
}

/** Chrootless mode needs neither root nor namespaces, and `extract` runs nothing of the packages. */
async function unpackPackages(
  root: string,
  draft: string,
  { signal, tell }: { signal: AbortSignal; tell: (message: string, percent: number) => void },
): Promise<void> {
  const excludes = EXCLUDED_PATHS.map(path => `--dpkgopt=path-exclude=${path}`)
  const unpacked = new AbortController()
  const recipe = ['--mode=chrootless', '--variant=extract', '--architectures=amd64', `--include=${PACKAGES.join(',')}`, ...excludes]
  const proxy = await aptProxy(signal)
  const options = proxy === '' ? [] : [`--aptopt=Acquire::http::Proxy "${proxy}"`]
  await runHostTool(['mmdebstrap', '--format=directory', ...recipe, ...options, SUITE, root], {
    signal,
    package: 'mmdebstrap',
    env: { TMPDIR: draft, HOME: draft },
    onStderr: text => {
      for (const [words, message, percent] of FETCHING) {
        if (!text.includes(words)) continue
        tell(message, percent)
        if (percent === UNPACKING_PERCENT) void tellUnpacked(root, share => tell(message, percent + share), unpacked.signal)
      }
    },
  }).finally(() => unpacked.abort())
}

/** Tells once a second which share of the whole is unpacked, in percent of the whole. */
async function tellUnpacked(root: string, tell: (percent: number) => void, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await sleep(LOOK_MS, undefined, { signal })
      // Below /var lie the packages themselves.
      const folders = (await readdir(root)).filter(name => name !== 'var')
      const bytes = await Promise.all(folders.map(name => treeBytes(join(root, name))))
      const share = Math.min(1, bytes.reduce((sum, size) => sum + size, 0) / UNPACKED_BYTES)
      if (!signal.aborted) tell(share * (UNPACKED_PERCENT - UNPACKING_PERCENT))
    } catch {
      // What was there a moment ago is gone: the next look sees more.
      if (signal.aborted) return
    }
  }
}

/** mmdebstrap does not read the host's settings of apt; without the proxy there, a host may reach nothing. Empty where there is none. */
async function aptProxy(signal: AbortSignal): Promise<string> {
  const pieces: Buffer[] = []
  await runHostTool(['apt-config', 'dump', '--no-empty', '--format', '%v%n', 'Acquire::http::Proxy'], {
    signal,
    package: 'apt',
    onStdout: piece => pieces.push(piece),
  })
  return Buffer.concat(pieces).toString('utf8').split('\n')[0]!
}

async function takeKernel(root: string, file: string, signal: AbortSignal): Promise<void> {
  const boot = join(root, 'boot')
  const name = (await readdir(boot)).find(entry => entry.startsWith('vmlinuz-'))
  if (name === undefined) throw new InstarError('machine.build-failed', 'the kernel package brought no /boot/vmlinuz-*')
  await writeFile(file, await unpackKernel(await readFile(join(boot, name)), signal))
  await removeTree(boot)
}

/** Makes the index that modprobe reads. The appliance's own depmod does it, started by its own loader: hosts often have none. */
async function prepareModules(root: string, signal: AbortSignal): Promise<void> {
  const release = (await readdir(join(root, 'lib/modules')))[0] ?? ''
  const libraries = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu'].map(folder => join(root, folder))
  const loader = join(libraries[0]!, 'ld-linux-x86-64.so.2')
  const depmod = ['--argv0', 'depmod', '--library-path', libraries.join(':'), join(root, 'bin/kmod')]
  await runHostTool([loader, ...depmod, '--basedir', root, release], { signal, package: 'libc6' })
  const folder = `/lib/modules/${release}`
  const dependencies = await readFile(join(root, folder, 'modules.dep'), 'utf8')
  await writeInto(
    root,
    MODULE_LIST_PATH,
    `${modulePaths(dependencies, BOOT_MODULES)
      .map(path => `${folder}/${path}`)
      .join('\n')}\n`,
  )
}

async function addOwnFiles(root: string, agent: Buffer): Promise<void> {
  for (const folder of FOLDERS) await mkdir(join(root, folder), { recursive: true })
  for (const [path, content] of Object.entries(FILES)) await writeInto(root, path, content)
  for (const [path, target] of Object.entries(LINKS)) {
    await rm(join(root, path), { force: true })
    await symlink(target, join(root, path))
  }
  await rm(join(root, AGENT_PATH), { force: true })
  await writeInto(root, AGENT_PATH, `#!/usr/bin/perl\n${agent.toString('utf8')}`, 0o755)
}

async function writeInto(root: string, path: string, content: string, mode = 0o644): Promise<void> {
  const file = join(root, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, content, { mode })
}

async function treeBytes(root: string): Promise<number> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const sizes = await Promise.all(
    entries.filter(entry => entry.isFile()).map(async entry => (await stat(join(entry.parentPath, entry.name))).size),
  )
  // A file of any size takes whole blocks.
  return sizes.reduce((sum, size) => sum + Math.ceil(size / 4096) * 4096, 0)
}
