import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InstarError } from '@instar/contract'

/** A piece of a container, by its place on the device. */
export interface HeaderPiece {
  readonly offset: number
  readonly bytes: Buffer
}

/** `undefined` key: the passphrase does not open it. `null`: this host has no cryptsetup. */
type VolumeKey = Buffer | undefined | null

/** Argon2 with the largest usual cost (1 GiB) takes 2-4 s natively; a header that asks for more is an attack or a mistake. */
const DERIVE_TIMEOUT_MS = 120_000
const PREFIX = 'instar-luks-'
const WRONG_PASSPHRASE = 2
/** Beyond every data offset that parseLuksHeader lets through. */
const SPARSE_BYTES = 256 * 2 ** 20

/**
 * Derives the volume key of a container on this host from a copy of its header: an emulated CPU needs 20 s where this takes 0.6
 * (appliance.md 0.3). Only the header, which anybody with the disk has, touches a file (0600, on tmpfs where there is one); passphrase
 * and key travel through pipes. The caller zeroes the key.
 */
export async function deriveVolumeKey(pieces: readonly HeaderPiece[], secret: Uint8Array, signal: AbortSignal): Promise<VolumeKey> {
  await using header = await writeHeader(pieces)
  const argv = ['luksDump', '--batch-mode', '--dump-volume-key', '--key-file', '-', header.path]
  const { exitCode, stdout, stderr } = await runHere('cryptsetup', argv, { stdin: secret, signal })
  try {
    if (exitCode === null) return null
    if (exitCode === WRONG_PASSPHRASE) return undefined
    const key = exitCode === 0 ? parseVolumeKey(stdout) : undefined
    if (key) return key
    throw new InstarError('storage.unsupported-luks', `cryptsetup on this host ended with ${exitCode}: ${stderr.trim()}`)
  } finally {
    stdout.fill(0)
  }
}

/** Hex pairs after "MK dump:"; the lines in front of it hold names and numbers. */
function parseVolumeKey(output: Buffer): Buffer | undefined {
  const label = output.indexOf('MK dump:')
  if (label < 0) return undefined
  const digits = [...output.subarray(label + 8)].map(hexDigit).filter(digit => digit >= 0)
  const key = Buffer.alloc(digits.length >> 1)
  key.forEach((_zero, index) => (key[index] = digits[index * 2]! * 16 + digits[index * 2 + 1]!))
  digits.fill(0)
  return key.length > 0 && digits.length % 2 === 0 ? key : undefined
}

function hexDigit(char: number): number {
  if (char >= 0x30 && char <= 0x39) return char - 0x30
  return char >= 0x61 && char <= 0x66 ? char - 0x57 : -1
}

async function writeHeader(pieces: readonly HeaderPiece[]): Promise<AsyncDisposable & { path: string }> {
  const folder = await mkdtemp(join(await privateTmp(), `${PREFIX}${process.pid}-`))
  const path = join(folder, 'header')
  const remove = { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
  await using undo = new AsyncDisposableStack()
  undo.use(remove)
  await using file = await open(path, 'wx', 0o600)
  for (const { offset, bytes } of pieces) await file.write(bytes, 0, bytes.length, offset)
  // cryptsetup refuses a device that ends before its data begins. The file is sparse.
  await file.truncate(SPARSE_BYTES)
  undo.move()
  return remove
}

async function privateTmp(): Promise<string> {
  try {
    await access('/dev/shm')
    return '/dev/shm'
  } catch {
    return tmpdir()
  }
}

/** Removes what a killed run left: folders whose process is gone. Called at the start of every discovery that derives keys. */
export async function sweepHeaders(): Promise<void> {
  const base = await privateTmp()
  for (const name of await readdir(base)) {
    const pid = name.startsWith(PREFIX) ? Number.parseInt(name.slice(PREFIX.length), 10) : Number.NaN
    if (Number.isSafeInteger(pid) && pid > 0 && !isAlive(pid)) await rm(join(base, name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

interface HereResult {
  /** `null` when there is no such program. */
  readonly exitCode: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

async function runHere(program: string, argv: string[], options: { stdin: Uint8Array; signal: AbortSignal }): Promise<HereResult> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(DERIVE_TIMEOUT_MS)])
  const child = spawn(program, argv, { signal, stdio: 'pipe', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } })
  const pieces: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] }
  child.stdout.on('data', (piece: Buffer) => pieces.stdout.push(piece))
  child.stderr.on('data', (piece: Buffer) => pieces.stderr.push(piece))
  // It may end before it reads its input; the exit code tells why.
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.stdin)
  try {
    const [exitCode] = (await once(child, 'close')) as [number | null]
    const stdout = Buffer.concat(pieces.stdout)
    pieces.stdout.forEach(piece => piece.fill(0))
    return { exitCode: exitCode ?? -1, stdout, stderr: Buffer.concat(pieces.stderr).toString() }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { exitCode: null, stdout: Buffer.alloc(0), stderr: '' }
    throw error
  }
}
