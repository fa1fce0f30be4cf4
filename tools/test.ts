// `npm test` and `./instar test`: all tests in one run of node:test, whose last lines are its count.
//
//   --fast            without the scenarios, which boot guests
//   --only PATTERN    only tests whose name matches (a regular expression)
//   FILE...           only these files
import { globSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { parseArgs } from 'node:util'
import { HEAVY_AT_ONCE } from '@instar/fixtures'

const FAST = ['packages/**/*.test.ts', 'fixtures/**/*.test.ts', 'tools/**/*.test.ts', '*.test.ts']
const SCENARIOS = ['scenarios/**/*.test.ts']
/** Begun first, so that none of them is left alone at the end: the longest ones, then the other scenarios. */
const LONGEST = ['scenarios/run.test.ts', 'scenarios/kill/kill.test.ts', 'scenarios/ssh/minion.test.ts']

const root = join(import.meta.dirname, '..')
const { values, positionals } = parseArgs({
  options: { fast: { type: 'boolean', default: false }, only: { type: 'string' } },
  allowPositionals: true,
})

function chosenFiles(): string[] {
  const patterns = positionals.length > 0 ? positionals : values.fast ? FAST : [...LONGEST, ...SCENARIOS, ...FAST]
  const files = patterns.flatMap(pattern => {
    const found = globSync(pattern, { cwd: root, exclude: name => name.includes('node_modules') }).toSorted()
    if (found.length === 0) throw new Error(`there is no test file ${pattern}`)
    return found
  })
  return [...new Set(files.map(file => resolve(root, file)))]
}

// sfdisk, mke2fs and the like lie in sbin, which a plain user's PATH does not have.
process.env['PATH'] = [process.env['PATH'], '/usr/sbin', '/sbin'].join(delimiter)
const tests = run({
  files: chosenFiles(),
  cwd: root,
  // As many files as guests may run: a test that waits for another's guest would lose its own time limit.
  concurrency: HEAVY_AT_ONCE,
  execArgv: ['--disable-warning=ExperimentalWarning'],
  ...(values.only === undefined ? {} : { testNamePatterns: [new RegExp(values.only)] }),
})
tests.on('test:summary', ({ file, success }) => {
  if (file === undefined && !success) process.exitCode = 1
})
tests.compose(spec).pipe(process.stdout)
