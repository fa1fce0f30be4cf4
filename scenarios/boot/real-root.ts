import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeMachine } from '../../packages/machine/src/fake-machine.ts'
import type { RunOptions } from '../../packages/machine/src/machine.ts'
import type { GuestTree } from '../../packages/morph/src/tree/guest-tree.ts'
import { type PhonyFile, phonyGuest } from '../../packages/morph/src/tree/phony-guest.ts'
import { buildGuest } from '../../fixtures/src/guests/build-guest.ts'
import { rootfsKey } from '../../fixtures/src/guests/guest-cache.ts'

export interface RealRoot extends AsyncDisposable {
  /** A Debian 12 unpacked on this machine; a copy that a test may change. */
  readonly path: string
  readonly version: string
  readonly initramfs: string
  readonly kernel: string
}

/** The root file system of the fixtures, built once and kept in the cache. */
export async function openRealRoot(signal: AbortSignal): Promise<RealRoot> {
  const cacheDir = process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar'
  await buildGuest({ variant: 'ext4', cacheDir, signal })
  const path = await mkdtemp(join(tmpdir(), 'instar-boot-scenario-'))
  await runHere(['tar', '-C', path, '-I', 'zstd', '-xf', join(cacheDir, 'guests', `${rootfsKey('plain')}.tar.zst`)], { signal })
  const version = readdirSync(join(path, 'usr/lib/modules'))[0] ?? ''
  return {
    path,
    version,
    initramfs: `/boot/initrd.img-${version}`,
    kernel: `/boot/vmlinuz-${version}`,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

/** Runs a program of this machine to its end. */
export async function runHere(
  argv: readonly string[],
  options: { signal: AbortSignal; stdin?: Uint8Array | string },
): Promise<{ exitCode: number; stdout: Buffer; stderr: string }> {
  const [program = '', ...rest] = argv
  const child = spawn(program, rest, { signal: options.signal, killSignal: 'SIGKILL' })
  const stdout: Buffer[] = []
  let stderr = ''
  child.stdout.on('data', (piece: Buffer) => stdout.push(piece))
  child.stderr.on('data', (piece: Buffer) => (stderr += piece.toString()))
  child.stdin.on('error', () => {})
  child.stdin.end(options.stdin ?? '')
  const [exitCode] = (await once(child, 'close')) as [number]
  return { exitCode, stdout: Buffer.concat(stdout), stderr }
}

/** A machine that is this one: what the code under test runs, runs here as root. */
export function thisMachine(): FakeMachine {
  const machine = new FakeMachine({
    rules: [
      [
        () => true,
        async (argv: readonly string[], { signal, stdin }: RunOptions) =>
          runHere(argv, { signal, ...(stdin === undefined ? {} : { stdin }) }),
      ],
    ],
  })
  machine.read = async path => readFile(path).catch(() => undefined)
  machine.write = async (path, content, { mode = 0o600 }) => writeFile(path, content, { mode })
  return machine
}

/** Enters a root in namespaces of its own: its mounts end with it. */
export function inRoot(root: string): (argv: readonly string[]) => readonly string[] {
  const enter = 'mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && root=$1 && shift && exec chroot "$root" "$@"'
  return argv => ['unshare', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', enter, 'sh', root, ...argv]
}

/** The parts of a root that the boot steps look at, as a tree. */
export function treeOf(root: string): GuestTree {
  const files: Record<string, PhonyFile> = {}
  const add = (path: string): void => {
    const stat = lstatSync(join(root, path))
    if (stat.isSymbolicLink()) files[path] = { link: readlinkSync(join(root, path)) }
    else if (stat.isDirectory()) for (const name of readdirSync(join(root, path))) add(`${path}/${name}`)
    else if (stat.isFile())
      files[path] = /\.ko(\.xz)?$|vmlinuz|initrd/.test(path)
        ? { content: 'not loaded', mode: stat.mode & 0o7777 }
        : readFileSync(join(root, path))
  }
  for (const path of [
    'lib',
    'boot',
    'usr/lib/modules',
    'usr/lib/modprobe.d',
    'etc/modprobe.d',
    'etc/default',
    'etc/initramfs-tools',
    'etc/os-release',
    'usr/lib/os-release',
  ]) {
    try {
      add(path)
    } catch {
      // Not every root has each of them.
    }
  }
  return phonyGuest(files)
}
