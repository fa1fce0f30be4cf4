import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requires } from '@instar/fixtures'
import { runCases } from '../../tools/fuzz/run-cases.ts'
import { type ImageReport, runImages } from '../../tools/fuzz/run-images.ts'

// A short run of `npm run fuzz`, always the same; time and other seeds are for the long one.
const seed = 'short'
const CASES = 300
const IMAGES = 2

test(`${CASES} damaged inputs for our parsers: a value or an error of ours (seed ${seed})`, async () => {
  const { cases, failures } = await runCases({ seed, from: 0, to: CASES })

  assert.equal(cases, CASES)
  assert.deepEqual(
    failures.map(({ index, target, problem }) => `case ${index}, ${target}: ${problem}`),
    [],
  )
})

test(
  `${IMAGES} damaged disk images: instar check gives its verdict or refuses, and changes nothing (seed ${seed})`,
  {
    skip: requires(['root', 'qemu', 'mmdebstrap', 'e2fsprogs'], process.env),
  },
  async context => {
    const reports: ImageReport[] = []

    await runImages({
      seed,
      from: 0,
      to: IMAGES,
      cacheDir: process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar',
      signal: AbortSignal.any([context.signal, AbortSignal.timeout(600_000)]),
      onReport: report => reports.push(report),
    })

    assert.equal(reports.length, IMAGES)
    for (const { index, what, exitCode, error } of reports)
      context.diagnostic(`image ${index}, ${what}: exit code ${exitCode} ${error ?? ''}`)
    assert.deepEqual(
      reports.filter(({ problem }) => problem !== undefined),
      [],
    )
  },
)
