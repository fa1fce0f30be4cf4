import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buildGuest, heavy, LUKS_PASSPHRASE } from '@instar/fixtures'
import { type Damaged, damageImage, type Guest, readBytes } from './damage-image.ts'
import { createRandom } from './random.ts'

const MAIN = join(import.meta.dirname, '../../packages/cli/src/main.ts')
/** An undamaged guest takes 10 s under emulation; a check of a damaged file system some more. */
const CHECK_LIMIT_MS = 300_000
/** What the CLI may say: fine, failed, refused, time limit. Usage (2), a script's failure (4) and a lock (75) cannot be. */
const EXIT_CODES: readonly (number | null)[] = [0, 1, 3, 5]
/** Every fourth image is an encrypted one. */
const LUKS_EVERY = 4

export interface ImageReport {
  readonly index: number
  readonly what: string
  readonly exitCode: number | null
  /** The code of the error that ended the command. */
  readonly error?: string
  readonly problem?: string
}

export interface ImagesTask {
  readonly seed: string
  readonly from: number
  readonly to: number
  readonly cacheDir: string
  readonly signal: AbortSignal
  readonly onReport: (report: ImageReport) => void
}

/** Damages small real guests and lets `instar check` look at each, in its appliance. Needs root to build the guests. */
export async function runImages(task: ImagesTask): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'instar-fuzz-images-'))
  try {
    const guests = new Map<string, Guest>()
    await using _turn = await heavy(task.signal)
    for (let index = task.from; index < task.to; index += 1) {
      const variant = index % LUKS_EVERY === LUKS_EVERY - 1 ? 'luks' : 'ext4'
      const guest = guests.get(variant) ?? (await provideGuest(variant, folder, task))
      guests.set(variant, guest)
      task.onReport(await checkOne(guest, { ...task, index, folder }))
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function provideGuest(variant: 'ext4' | 'luks', folder: string, { cacheDir, signal }: ImagesTask): Promise<Guest> {
  const { file } = await buildGuest({ variant, cacheDir, signal })
  const raw = join(folder, `${variant}.raw`)
  execFileSync('qemu-img', ['convert', '-O', 'raw', file, raw])
  return { variant, image: file, raw, partitionAt: startOfLastPartition(raw) }
}

/** Of the GPT: its entries of 128 bytes begin at sector 2, each with its first sector at byte 32. */
function startOfLastPartition(raw: string): number {
  const table = readBytes(raw, { at: 1024, length: 128 * 128 })
  const starts = Array.from({ length: 128 }, (_, index) => Number(table.readBigUInt64LE(index * 128 + 32)))
  return Math.max(...starts) * 512
}

async function checkOne(
  guest: Guest,
  at: { seed: string; index: number; folder: string; cacheDir: string; signal: AbortSignal },
): Promise<ImageReport> {
  const folder = join(at.folder, `image-${at.index}`)
  mkdirSync(folder)
  try {
    const damaged = damageImage(guest, folder, createRandom(`${at.seed} image ${at.index}`))
    const before = await hashesOf(guest, damaged)
    const { exitCode, stderr } = await runCheck(guest, damaged, { ...at, stateDir: join(folder, 'state') })
    const error = /\[([\w-]+\.[\w-]+)\]$/m.exec(stderr)?.[1]
    const problem = await problemOf({ exitCode, stderr, error, folder, isSame: (await hashesOf(guest, damaged)) === before })
    return {
      index: at.index,
      what: damaged.what,
      exitCode,
      ...(error === undefined ? {} : { error }),
      ...(problem === undefined ? {} : { problem }),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function runCheck(
  guest: Guest,
  { file }: Damaged,
  { cacheDir, stateDir, signal }: { cacheDir: string; stateDir: string; signal: AbortSignal },
): Promise<{ exitCode: number | null; stderr: string }> {
  const key = guest.variant === 'luks' ? ['--key', `all:text:${LUKS_PASSPHRASE}`] : []
  const argv = ['check', file, '--allow-backing', dirname(guest.image), ...key]
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...argv], {
    env: { ...process.env, INSTAR_CACHE_DIR: cacheDir, INSTAR_STATE_DIR: stateDir },
    stdio: ['ignore', 'ignore', 'pipe'],
    signal: AbortSignal.any([signal, AbortSignal.timeout(CHECK_LIMIT_MS)]),
    killSignal: 'SIGKILL',
  })
  child.on('error', () => undefined)
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [exitCode] = (await once(child, 'close')) as [number | null]
  return { exitCode, stderr }
}

async function problemOf(end: {
  exitCode: number | null
  stderr: string
  error: string | undefined
  folder: string
  isSame: boolean
}): Promise<string | undefined> {
  const words = end.stderr.trim().split('\n').slice(-15).join('\n')
  if (end.exitCode === null) return `was killed: it hung, or crashed\n${words}`
  if (!EXIT_CODES.includes(end.exitCode) || end.error === 'internal.bug') return `ended with ${end.exitCode}\n${words}`
  if (end.exitCode !== 0 && end.error === undefined && end.exitCode !== 1) return `ended with ${end.exitCode} and no error code\n${words}`
  if (!end.isSame) return 'the image was changed by a check'
  const left = readdirSync(end.folder, { recursive: true, encoding: 'utf8' }).filter(name => /layer-|appliance-|\.tmp$/.test(name))
  return left.length > 0 ? `left behind: ${left.join(', ')}` : undefined
}

async function hashesOf(guest: Guest, { file }: Damaged): Promise<string> {
  const hash = createHash('sha256')
  for (const path of [file, guest.image]) for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) hash.update(piece)
  return hash.digest('hex')
}
