import { execFileSync, spawn } from 'node:child_process'
import { hash, randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, ftruncateSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { freemem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CHUNK_BYTES } from '../../packages/worker/src/replication/copy/chunks.ts'
import { RECORD_BYTES, readJournal } from '../../packages/worker/src/replication/copy/journal.ts'
import type { ChildRequest } from '../../packages/worker/src/replication/replicate-child.fixture.ts'
import { Lab } from '../../packages/worker/src/replication/replication.fixture.ts'
import { median } from './measure.ts'
import type { Row } from './report.ts'

const MIB = 1024 * 1024
const DISK_BYTES = 4096 * MIB
const DATA_BYTES = 1024 * MIB
const CHUNKS = DATA_BYTES / CHUNK_BYTES
const CHANGED_CHUNKS = Math.round(CHUNKS / 100)
/** Of 16 MiB in turn 4 are data. */
const STRETCH_BYTES = 4 * MIB
const GAP_BYTES = 16 * MIB
const BLOCK_BYTES = 256 * MIB
const CHILD = join(import.meta.dirname, '../../packages/worker/src/replication/replicate-child.fixture.ts')

/** Times in ms of one run, all on the same image, every copy on stable storage when its clock stops. */
interface Times {
  readonly convert: number
  readonly nbdcopy: number
  readonly plain: number
  readonly hashed: number
  readonly readAndHash: number
  readonly byHashes: number
  readonly byBitmaps: number
  readonly writtenShare: number
  readonly again: number
}

/** Copies of a sparse image of 4 GiB with 1 GiB of data, beside those of qemu-img and nbdcopy (Debian's libnbd-bin) in the same run. */
export async function benchReplication(place: { work: string; runs: number }): Promise<Row[]> {
  const folder = join(place.work, 'replication')
  execFileSync('mkdir', ['-p', folder])
  const source = makeSource(folder)
  const times: Times[] = []
  for (let run = 0; run < place.runs; run += 1) times.push(await measureRun(folder, source))
  rmSync(folder, { recursive: true, force: true })
  const of = (name: keyof Times) => median(times.map(one => one[name]))
  const best = median(times.map(({ convert, nbdcopy }) => Math.min(convert, nbdcopy)))
  const peer = `qemu-img ${seconds(of('convert'))}, nbdcopy ${seconds(of('nbdcopy'))}`
  const ratio = (name: 'plain' | 'hashed') => median(times.map(one => one[name] / Math.min(one.convert, one.nbdcopy))).toFixed(2)
  const limitMs = 500 + (of('plain') * CHANGED_CHUNKS) / CHUNKS
  return [
    { name: 'full copy of 1 GiB in 4 GiB, journal', value: seconds(of('plain')), peer, ratio: ratio('plain'), target: 'at most 1.25' },
    {
      name: 'full copy with hashes, journal',
      value: seconds(of('hashed')),
      peer: `faster one ${seconds(best)}`,
      ratio: ratio('hashed'),
      target: 'at most 1.60',
    },
    {
      name: '1 % changed, found by hashes',
      value: seconds(of('byHashes')),
      peer: `nbdcopy to nowhere, then sha256: ${seconds(of('readAndHash'))}`,
      ratio: median(times.map(one => one.byHashes / one.readAndHash)).toFixed(2),
      target: 'at most 1.30',
    },
    { name: '1 % changed, bytes written by changed chunks', value: of('writtenShare').toFixed(2), target: 'at most 1.20' },
    { name: '1 % changed, found by bitmaps', value: seconds(of('byBitmaps')), target: `at most ${seconds(limitMs)}` },
    { name: 'killed at the half: copied again', value: `${(of('again') / MIB).toFixed(1)} MiB`, target: 'at most 4 MiB' },
  ]
}

async function measureRun(folder: string, source: string): Promise<Times> {
  const target = join(folder, 'peer')
  const convert = await clock(() => command(['qemu-img', 'convert', '-f', 'qcow2', '-O', 'qcow2', source, target], target))
  rmSync(target)
  const nbdcopy = await clock(() => command(['nbdcopy', '--', '[', 'qemu-nbd', '-r', '-f', 'qcow2', source, ']', target], target))
  rmSync(target)
  const read = await clock(() => command(['nbdcopy', '--', '[', 'qemu-nbd', '-r', '-f', 'qcow2', source, ']', 'null:']))
  const readAndHash = read + (await clock(hashData))
  const lab = Lab.at({ folder, replica: join(folder, 'replica'), format: 'qcow2' })
  const runs = { plain: { bitmaps: true, executionId: 'plain' }, hashed: { executionId: 'hashed' } }

  const plain = await clock(() => lab.run(runs.plain))
  change(lab)
  const byBitmaps = await clock(() => lab.run({ bitmaps: true, executionId: 'bitmaps' }))
  dropBitmaps(source)
  rmSync(lab.replica, { recursive: true })

  const hashed = await clock(() => lab.run(runs.hashed))
  change(lab)
  let written = 0
  const byHashes = await clock(async () => {
    written = (await lab.run({ executionId: 'hashes' })).written_bytes
  })
  rmSync(lab.replica, { recursive: true })
  const again = await killAtHalf(lab)
  rmSync(lab.replica, { recursive: true })
  return {
    convert,
    nbdcopy,
    plain,
    hashed,
    readAndHash,
    byHashes,
    byBitmaps,
    writtenShare: written / (CHANGED_CHUNKS * CHUNK_BYTES),
    again,
  }
}

/** How much was read for the second time by the copy that went on, and by the killed one without being put on record. */
async function killAtHalf(lab: Lab): Promise<number> {
  const request: ChildRequest = { folder: lab.folder, replica: lab.replica, format: lab.format, bitmaps: false, executionId: 'killed' }
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CHILD, JSON.stringify(request)], { stdio: 'ignore' })
  const ended = once(child, 'close')
  const [data, journal] = [join(lab.replica, '0001.incoming'), join(lab.replica, '0001.incoming.journal')]
  while (child.exitCode === null && (!existsSync(journal) || statSync(journal).size < (CHUNKS / 2) * RECORD_BYTES)) await sleep(1)
  child.kill('SIGKILL')
  await ended
  const stored = (await readJournal(journal, true)).records.filter(({ kind }) => kind === 'stored').length
  const lost = Math.max(0, statSync(data).size - (stored + 1) * CHUNK_BYTES)
  const { read_bytes } = await lab.run({ executionId: 'killed' })
  return read_bytes - (DATA_BYTES - stored * CHUNK_BYTES) + lost
}

/** A qcow2 image whose data no compression and no hole detection makes smaller. */
function makeSource(folder: string): string {
  const raw = join(folder, 'raw')
  const fd = openSync(raw, 'w')
  ftruncateSync(fd, DISK_BYTES)
  const stretch = Buffer.alloc(STRETCH_BYTES)
  for (let at = 0; at < DATA_BYTES / STRETCH_BYTES; at += 1) {
    randomFillSync(stretch)
    writeSync(fd, stretch, 0, stretch.length, at * GAP_BYTES)
  }
  closeSync(fd)
  const source = join(folder, 'source.qcow2')
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, source])
  rmSync(raw)
  return source
}

/** One write of 4 KiB in each of the chunks that change, spread over all data. */
function change(lab: Lab): void {
  const chunksPerStretch = STRETCH_BYTES / CHUNK_BYTES
  const places = Array.from({ length: CHANGED_CHUNKS }, (_, at) => {
    const chunk = Math.floor((at * CHUNKS) / CHANGED_CHUNKS)
    return Math.floor(chunk / chunksPerStretch) * GAP_BYTES + (chunk % chunksPerStretch) * CHUNK_BYTES
  })
  const value = 1 + Math.floor(Math.random() * 254)
  lab.write(...places.map(offset => `write -q -P ${value} ${offset} 4k`))
}

function dropBitmaps(source: string): void {
  const info = JSON.parse(execFileSync('qemu-img', ['info', '--output=json', source], { encoding: 'utf8' })) as {
    'format-specific': { data: { bitmaps?: { name: string }[] } }
  }
  for (const { name } of info['format-specific'].data.bitmaps ?? []) execFileSync('qemu-img', ['bitmap', '--remove', source, name])
}

function hashData(): Promise<void> {
  const chunk = randomFillSync(Buffer.alloc(CHUNK_BYTES))
  for (let at = 0; at < CHUNKS; at += 1) hash('sha256', chunk, 'buffer')
  return Promise.resolve()
}

/** Runs a peer and brings what it wrote to stable storage, as our copies are. */
async function command(argv: readonly string[], written?: string): Promise<void> {
  const [program = '', ...rest] = argv
  const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}`)
  if (written !== undefined) execFileSync('sync', [written])
}

async function clock(work: () => Promise<unknown>): Promise<number> {
  touchMemory()
  const started = performance.now()
  await work()
  return performance.now() - started
}

/**
 * A virtual machine may give free memory back to its host within seconds (free page reporting of the balloon), and who touches it next waits for
 * it: here 0.8 s for a GiB of page cache, which one copy met and the next did not. So each clock starts with as much memory at hand.
 */
function touchMemory(): void {
  const blocks = Math.floor(Math.min(3 * 1024 * MIB, freemem() / 2) / BLOCK_BYTES)
  execFileSync(process.execPath, ['-e', `const kept = Array.from({ length: ${blocks} }, () => Buffer.alloc(${BLOCK_BYTES}, 1))`])
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}
