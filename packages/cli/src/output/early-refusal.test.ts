import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import type { Command } from 'commander'
import { createProgram } from '../program.ts'
import { createTestProgram } from '../test-program.fixture.ts'

// No service is named in these tests: a command that did anything before it looks at its columns would say so.

const world = { dir: tmpdir() }
const program = await createProgram(createTestProgram(world, []).context, () => undefined, 'all')
const printing = leavesOf(program).filter(command => hasOption(command, '--column'))

function leavesOf(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf)
}

function hasOption(command: Command, flag: string): boolean {
  return command.options.some(({ long }) => long === flag)
}

/** The shortest command line of a command that commander takes. */
function lineOf(command: Command): string[] {
  const names = (one: Command): string[] => (one.parent === null ? [] : [...names(one.parent), one.name()])
  const operands = command.registeredArguments.map(({ argChoices }) => argChoices?.[0] ?? 'x')
  const options = command.options.filter(({ mandatory }) => mandatory).flatMap(({ long, argChoices }) => [long!, argChoices?.[0] ?? 'x'])
  return [...names(command), ...operands, ...options]
}

test('there are commands that print columns', () => {
  assert.ok(printing.length > 50, `${printing.length}`)
})

for (const command of printing) {
  const line = lineOf(command)
  test(`a wrong column is refused before anything is done: ${line.join(' ')}`, async () => {
    for (const more of [[], ['--quiet']]) {
      await assert.rejects(createTestProgram(world, [...line, ...more, '-c', 'no-such']).run(), {
        code: 'usage.bad-argument',
        message: 'there is no column "no-such"',
        hint: /^The columns are: /,
      })
    }
    if (!hasOption(command, '--sort')) return
    await assert.rejects(createTestProgram(world, [...line, '--sort', 'id:up']).run(), {
      message: '--sort "id:up" is not COLUMN[:asc|desc]',
    })
    if (hasOption(command, '--marker')) return // The service sorts by keys of its own, and refuses those that it does not know.
    await assert.rejects(createTestProgram(world, [...line, '--sort', 'no-such']).run(), { message: 'there is no column "no-such"' })
  })
}

test('a column that is there only with an option is refused without it', async () => {
  const line = ['deployment', 'show', 'x', '-c', 'instances_data']
  await assert.rejects(createTestProgram(world, line).run(), { message: 'there is no column "instances_data"' })
  await assert.rejects(createTestProgram(world, [...line, '--show-instances-data']).run(), { code: 'usage.no-session' })
})
