import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { REFRESH_COMMANDS, type RefreshCommand } from '@instar/contract/refresh'
import { renderHelp } from '../packages/phases/src/refresh/command/help.ts'
import { createTestProgram } from '../packages/cli/src/test-program.fixture.ts'

/** What every program has, and no table. */
const COMMON = ['help', 'version']

function optionsIn(text: string): string[] {
  return [...new Set([...text.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)].map(found => found[1]!))]
    .filter(name => !COMMON.includes(name))
    .sort()
}

const wordsOf = (command: RefreshCommand) => ['refresh', ...(command.name === '' ? [] : [command.name])]
const known = (commands: readonly RefreshCommand[]) =>
  [...new Set(commands.flatMap(({ options }) => options.map(({ name }) => name)))].sort()

for (const command of REFRESH_COMMANDS) {
  test(`--help of both programs has the options of the table: refresh ${command.name}`, async () => {
    const program = createTestProgram({ dir: '/nowhere' }, [...wordsOf(command), '--help'])
    await program.run()

    const lines = (text: string) => text.split('\n').map(line => /^ {2}(?:-h, )?(--[\w-]+)/.exec(line)?.[1] ?? '')
    assert.deepEqual(optionsIn(lines(program.written.stdout).join('\n')), known([command]))
    assert.deepEqual(optionsIn(lines(renderHelp('instar-refresh', command)).join('\n')), known([command]))
  })
}

test('the man page and the reference name every option, and no other', () => {
  const man = readFileSync('docs/man/instar-refresh.1', 'utf8').replaceAll(String.raw`\-`, '-')
  // The drop-ins, which come last, have options of their own.
  const [page = ''] = readFileSync('docs/reference/refresh.md', 'utf8').split(/^## Drop-ins/m)
  const cli = readFileSync('docs/reference/cli.md', 'utf8')
    .split(/^## /m)
    .filter(part => part.startsWith('instar refresh'))
    .join('\n')

  assert.deepEqual(optionsIn(man), known(REFRESH_COMMANDS))
  assert.deepEqual(optionsIn(cli), known(REFRESH_COMMANDS))
  const explained = optionsIn(page)
  assert.deepEqual(
    explained.filter(name => !known(REFRESH_COMMANDS).includes(name)),
    [],
  )
})

test('options of README and reference that stand behind instar refresh are in the table', () => {
  for (const file of ['README.md', 'docs/reference/refresh.md']) {
    const commands = [...readFileSync(file, 'utf8').matchAll(/instar[ -]refresh [^`\n]*/g)].map(found => found[0])
    assert.ok(commands.length > 0, `${file} shows the command`)
    assert.deepEqual(
      commands.flatMap(optionsIn).filter(name => !known(REFRESH_COMMANDS).includes(name)),
      [],
      file,
    )
  }
})

test('an option that two commands have reaches the one that was named', async () => {
  const run = async (...words: string[]) => {
    const program = createTestProgram({ dir: '/nowhere' }, ['refresh', ...words])
    return { code: await program.runAndReport(), ...program.written }
  }

  assert.equal((await run('log')).stdout, 'no runs yet\n')
  assert.equal((await run('log', '--json')).stdout, '')
  assert.match((await run('install', '--root', '/nowhere', '--retries', 'many')).stderr, /--retries takes a whole number, not "many"/)
})
