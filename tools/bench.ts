// `npm run bench [-- --runs N] [--live] [--write]`: the figures that README and docs/bench.md quote, each with the peer's in the same run.
// `--live`: those of live hosts alone.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildGuest } from '@instar/fixtures'
import { benchApi } from './bench/api.ts'
import { benchAppliance } from './bench/appliance.ts'
import { benchEngine } from './bench/engine.ts'
import { benchMorph } from './bench/morph-against-peer.ts'
import { benchRefresh } from './bench/refresh.ts'
import { benchReplication } from './bench/replication.ts'
import { renderRows } from './bench/report.ts'
import type { Row } from './bench/report.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    live: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const runs = Number(values.runs)
/** What is short is measured more often. */
const liveRuns = Math.max(runs, 10)
const cacheDir = process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar'
const work = mkdtempSync(join(tmpdir(), 'instar-bench-'))
try {
  if (!values.live) {
    const guest = await buildGuest({ variant: 'ext4', cacheDir, signal: AbortSignal.timeout(600_000) })
    await show('figures', `emulation (TCG), ${runs} runs`, async () => [
      ...(await benchEngine({ work, runs })),
      ...(await benchApi({ work, runs })),
      ...(await benchReplication({ work, runs })),
      ...(await benchAppliance({ work, cacheDir, runs })),
      ...(await benchMorph({ work, image: guest.file, runs, stateDir: join(work, 'state') })),
    ])
  }
  await show('live figures', `live hosts, ${liveRuns} runs`, () => benchRefresh({ work, runs: liveRuns }))
} finally {
  rmSync(work, { recursive: true, force: true })
}

/** Prints a table and, when asked, puts it between its marks in docs/bench.md. */
async function show(mark: string, words: string, makeRows: () => Promise<Row[]>): Promise<void> {
  const load = loadavg()[0]!.toFixed(1)
  const rows = await makeRows()
  const date = new Date().toISOString().slice(0, 10)
  const table = `${date}, ${cpus().length} CPUs (${cpus()[0]?.model ?? 'unknown'}), ${words}, load before the run ${load}:\n\n${renderRows(rows)}`
  console.log(table)
  if (!values.write) return
  const page = readFileSync('docs/bench.md', 'utf8')
  const place = new RegExp(`(<!-- ${mark} -->\\n)[^]*?(<!-- end -->)`)
  writeFileSync(
    'docs/bench.md',
    page.replace(place, (_, head: string, tail: string) => `${head}\n${table}\n${tail}`),
  )
}
