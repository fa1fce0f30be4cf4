import { join } from 'node:path'
import { openAppliance } from '@instar/machine'
import { median } from './measure.ts'
import type { Row } from './report.ts'

const PIECE_BYTES = 64 * 1024 * 1024

/** How soon the appliance answers its first command, and what its channel moves each way. */
export async function benchAppliance(place: { work: string; cacheDir: string; runs: number }): Promise<Row[]> {
  const signal = AbortSignal.timeout(600_000)
  const ready: number[] = []
  const out: number[] = []
  const into: number[] = []
  for (let run = 0; run < place.runs; run += 1) {
    const started = performance.now()
    await using machine = await openAppliance({ cacheDir: place.cacheDir, runtimeDir: join(place.work, 'runtime'), disks: [], signal })
    await machine.run(['true'], { signal })
    ready.push((performance.now() - started) / 1000)
    out.push(await speed(() => machine.run(['head', '-c', String(PIECE_BYTES), '/dev/zero'], { signal, onStdout: () => undefined })))
    into.push(await speed(() => machine.run(['sh', '-c', 'cat >/dev/null'], { signal, stdin: Buffer.alloc(PIECE_BYTES) })))
  }
  return [
    { name: 'minion: ready for its first command', value: `${median(ready).toFixed(1)} s`, target: '3 s' },
    { name: 'channel: from the minion', value: `${Math.round(median(out))} MB/s`, target: '20 MB/s' },
    { name: 'channel: to the minion', value: `${Math.round(median(into))} MB/s`, target: '20 MB/s' },
  ]
}

/** MB (10^6 bytes) a second. */
async function speed(move: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await move()
  return PIECE_BYTES / 1000 / (performance.now() - started)
}
