// Every case of the reference, on both versions of Node, with and without dash, against the programs as they are built and shipped.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { REFRESH_CASES, findNode, requires } from '@instar/fixtures'

const root = join(import.meta.dirname, '../..')
/** Cases whose improvement is out of reach: the interpreter line needs PATH, which the case takes away. */
const AS_ORIGINAL_ALLOWED = ['PHASE-22']

interface CaseResult {
  readonly id: string
  readonly status: 'PASS' | 'BETTER' | 'DIFF' | 'FAIL' | 'FAIL-LOG'
  readonly core: readonly string[]
  readonly log: readonly string[]
}

describe('the drop-ins do what the reference says', { skip: requires(['root', 'refresh-cases', 'node-20'], process.env) }, () => {
  const work = mkdtempSync(join(tmpdir(), 'instar-conformance-'))
  // Some cases run the programs as nobody.
  chmodSync(work, 0o755)
  after(() => rmSync(work, { recursive: true }))
  const built = spawnSync(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    join(root, 'tools/build.ts'),
    '--out',
    join(work, 'dist'),
  ])
  assert.equal(built.status, 0, String(built.stderr))

  /** The two programs with this Node in their interpreter line and, as on a host without dash, no name for it. */
  const programsFor = (node: string, folder: string, hasDash: boolean) => {
    mkdirSync(join(work, folder))
    return ['os-refresh-config', 'dib-run-parts'].map(name => {
      const file = join(work, folder, name)
      const text = readFileSync(join(work, 'dist', name), 'utf8').replace('/usr/bin/env node', node)
      const without = text.replaceAll(/\/(usr\/)?bin\/dash/g, '/nowhere/dash')
      assert.ok(without !== text, 'the program names dash')
      writeFileSync(file, hasDash ? text : without)
      chmodSync(file, 0o755)
      return file
    })
  }

  const node20 = findNode(20, process.env['PATH'] ?? '')
  for (const [title, node, hasDash] of [
    ['Node 20', node20, true],
    ['the Node of this run', process.execPath, true],
    ['Node 20 without dash', node20, false],
  ] as const) {
    it(`on ${title}`, () => {
      const results = join(work, 'results.json')
      const programs = programsFor(node ?? '', title.replaceAll(' ', '-'), hasDash)

      const run = spawnSync(REFRESH_CASES, [...programs, '--json', results], { encoding: 'utf8' })

      const cases = JSON.parse(readFileSync(results, 'utf8')) as CaseResult[]
      const wrong = cases.filter(({ id, status }) => !['PASS', 'BETTER'].includes(status) && !AS_ORIGINAL_ALLOWED.includes(id))
      assert.deepEqual(wrong, [], run.stdout)
      assert.ok(cases.length >= 150, run.stdout)
    })
  }
})
