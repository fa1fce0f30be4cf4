import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { createProgram } from '../packages/cli/src/program.ts'
import { loadConfig } from '../packages/cli/src/config/load-config.ts'
import { createTestProgram } from '../packages/cli/src/test-program.fixture.ts'

const units = globSync('examples/systemd/*.service')
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0

test('the units are good for systemd', { skip: hasSystemd ? false : 'systemd-analyze is not on this machine' }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'instar-units-'))
  try {
    // Verify wants the program to be there.
    const program = join(dir, 'instar')
    writeFileSync(program, '#!/bin/sh\n')
    chmodSync(program, 0o755)
    const copies = units.map(unit => {
      const copy = join(dir, basename(unit))
      writeFileSync(copy, readFileSync(unit, 'utf8').replaceAll('/usr/local/bin/instar', program))
      return copy
    })
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...copies], { encoding: 'utf8' })
    const about = stderr.split('\n').filter(line => line.includes(dir) || line.includes('instar'))
    assert.deepEqual([status, about], [0, []])
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('the units start commands and options that there are, with a configuration that is good', async () => {
  const { context } = createTestProgram({ dir: tmpdir() }, [])
  const serve = (await createProgram(context, () => undefined)).commands.find(command => command.name() === 'serve')
  const known = serve?.options.map(({ long }) => long) ?? []
  const used = units.flatMap(unit => /^ExecStart=\S+ serve(.*)$/m.exec(readFileSync(unit, 'utf8'))?.[1]?.match(/--[\w-]+/g) ?? [])
  assert.equal(units.length, 3)
  assert.deepEqual(
    used.filter(option => !known.includes(option)),
    [],
  )
  const { sources } = await loadConfig(context, { file: 'examples/systemd/config.yaml' })
  assert.equal(sources.listen, 'file')
})
