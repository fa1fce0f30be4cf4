// `npm run bench [-- --runs N] [--write]`: the figures that README and docs/bench.md quote, each with the peer's in the same run.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildGuest } from '@instar/fixtures'
import { benchAppliance } from './bench/appliance.ts'
import { benchEngine } from './bench/engine.ts'
import { benchMorph } from './bench/morph-against-peer.ts'
import { renderRows } from './bench/report.ts'

const { values } = parseArgs({ options: { runs: { type: 'string', default: '5' }, write: { type: 'boolean', default: false } } })
const runs = Number(values.runs)
const cacheDir = process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar'
const work = mkdtempSync(join(tmpdir(), 'instar-bench-'))
try {
  const guest = await buildGuest({ variant: 'ext4', cacheDir, signal: AbortSignal.timeout(600_000) })
  const load = loadavg()[0]!.toFixed(1)
  const rows = [
    ...(await benchEngine({ work, runs })),
    ...(await benchAppliance({ work, cacheDir, runs })),
    ...(await benchMorph({ work, image: guest.file, runs, stateDir: join(work, 'state') })),
  ]
  const table = `${new Date().toISOString().slice(0, 10)}, ${cpus().length} CPUs (${cpus()[0]?.model ?? 'unknown'}), emulation (TCG), load before the run ${load}, ${runs} runs:\n\n${renderRows(rows)}`
  console.log(table)
  if (values.write) {
    const page = readFileSync('docs/bench.md', 'utf8')
    writeFileSync(
      'docs/bench.md',
      page.replace(/(<!-- figures -->\n)[\s\S]*?(<!-- end -->)/, (_, head: string, tail: string) => `${head}\n${table}\n${tail}`),
    )
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}
