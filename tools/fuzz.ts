// `npm run fuzz`: damaged input for all our parsers, and damaged disk images for `instar check`.
//
//   --cases N      cases in process (default 5000)
//   --images N     images through QEMU (default 20; needs root, as guests are built)
//   --seed S       the same seed gives the same cases (default: the time)
//   --from N       begins at this case and image: `--seed S --from 4711 --cases 1` repeats one
//   --target NAME  only this parser
//   --out DIR      failing inputs go here (default /tmp/instar-fuzz)
//
// Exit code 1 when a case was not handled.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Failure } from './fuzz/cases.ts'
import { runCases } from './fuzz/run-cases.ts'
import { type ImageReport, runImages } from './fuzz/run-images.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '5000' },
    images: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now()) },
    from: { type: 'string', default: '0' },
    target: { type: 'string' },
    out: { type: 'string', default: '/tmp/instar-fuzz' },
  },
})
const { seed, out } = values
const from = Number(values.from)
const only = values.target === undefined ? {} : { target: values.target }

function keepFailure(failure: Failure): void {
  mkdirSync(out, { recursive: true })
  const place = join(out, `${seed}-${failure.index}-${failure.target}`)
  if (failure.input !== undefined) writeFileSync(`${place}.bin`, failure.input)
  writeFileSync(
    `${place}.txt`,
    `npm run fuzz -- --seed ${seed} --from ${failure.index} --cases 1 --images 0${values.target === undefined ? '' : ` --target ${values.target}`}\n\n${failure.problem}\n`,
  )
  console.log(`✗ case ${failure.index}, ${failure.target}: ${failure.problem.split('\n').slice(0, 2).join(' ')}\n  kept: ${place}.bin`)
}

function tellImage({ index, what, exitCode, error, problem }: ImageReport): void {
  console.log(
    `${problem === undefined ? '✓' : '✗'} image ${index}, ${what}: exit code ${exitCode}${error === undefined ? '' : `, ${error}`}`,
  )
  if (problem !== undefined)
    console.log(`  ${problem.replaceAll('\n', '\n  ')}\n  again: npm run fuzz -- --seed ${seed} --from ${index} --cases 0 --images 1`)
}

console.log(`seed ${seed}`)
const startedAt = performance.now()
const { cases, failures } = await runCases({ seed, from, to: from + Number(values.cases), ...only })
for (const failure of failures) keepFailure(failure)
console.log(`${cases} cases in ${Math.round((performance.now() - startedAt) / 1000)} s, ${failures.length} not handled`)

const reports: ImageReport[] = []
if (Number(values.images) > 0) {
  await runImages({
    seed,
    from,
    to: from + Number(values.images),
    cacheDir: process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar',
    signal: new AbortController().signal,
    onReport: report => {
      reports.push(report)
      tellImage(report)
    },
  })
}
const bad = reports.filter(({ problem }) => problem !== undefined)
if (reports.length > 0) console.log(`${reports.length} images, ${bad.length} not handled`)
process.exitCode = failures.length + bad.length > 0 ? 1 : 0
