// `npm test` and `./instar test`: all tests in one run of node --test, whose last lines are its count.
//
//   --fast            without the scenarios, which boot guests
//   --only PATTERN    only tests whose name matches (a regular expression)
//   FILE...           only these files
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { parseArgs } from 'node:util'

const FAST = ['packages/**/*.test.ts', 'fixtures/**/*.test.ts', 'tools/**/*.test.ts', '*.test.ts']
const SCENARIOS = ['scenarios/**/*.test.ts']

const root = join(import.meta.dirname, '..')
const { values, positionals } = parseArgs({
  options: { fast: { type: 'boolean', default: false }, only: { type: 'string' } },
  allowPositionals: true,
})
const patterns = values.fast ? FAST : [...FAST, ...SCENARIOS]
const files = positionals.length > 0 ? positionals : globSync(patterns, { cwd: root, exclude: name => name.includes('node_modules') })

const { status, signal } = spawnSync(
  process.execPath,
  [
    '--disable-warning=ExperimentalWarning',
    '--test',
    '--test-reporter=spec',
    // One file at a time: a guest under emulation needs the CPUs, and a test that waits for another would lose its own time limit.
    '--test-concurrency=1',
    ...(values.only === undefined ? [] : [`--test-name-pattern=${values.only}`]),
    ...files,
  ],
  // sfdisk, mke2fs and the like lie in sbin, which a plain user's PATH does not have.
  { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: [process.env['PATH'], '/usr/sbin', '/sbin'].join(delimiter) } },
)
process.exitCode = signal === null ? (status ?? 1) : 1
