import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { PhonyHost } from '../phony-host.ts'
import { renderUnits } from './units.ts'

const UNITS = ['instar-refresh-continue.service', 'instar-refresh.path', 'instar-refresh.service', 'instar-refresh.timer']

test('install writes units that systemd finds nothing wrong with, with the options of the run', async t => {
  const host = new PhonyHost(t, {})
  const program = join(host.dir, 'instar-refresh 100%')
  writeFileSync(program, '#!/bin/sh\n')
  chmodSync(program, 0o755)
  const options = ['--retries', '2', '--reboot', '--phase', 'configure', '--phase', 'migration', '--reboot-command', 'echo "$X" 5%']

  const { code, stdout, stderr } = await host.run('install', '--root', host.dir, '--program', program, '--calendar', '*:0/10', ...options)

  assert.equal(code, 0, stderr)
  const dir = join(host.dir, 'etc/systemd/system')
  assert.deepEqual(readdirSync(dir), UNITS)
  assert.equal(stdout.split('\n').filter(line => line.startsWith('written ')).length, 4)
  const verified = spawnSync('systemd-analyze', ['verify', ...UNITS.map(name => join(dir, name))], { encoding: 'utf8' })
  assert.equal(verified.error, undefined, 'systemd-analyze is in tools/debian-packages-for-tests')
  // Of units that lie elsewhere in this machine it may complain; of ours not.
  assert.deepEqual(
    verified.stderr.split('\n').filter(line => line.includes('instar-refresh')),
    [],
  )
  const service = readFileSync(join(dir, 'instar-refresh.service'), 'utf8')
  assert.ok(
    service.includes(`ExecStart="${join(host.dir, 'instar-refresh 100%%')}" --phase configure --phase migration --retries 2 --reboot `),
  )
  assert.ok(service.includes(String.raw`--reboot-command "echo \"$$X\" 5%%"`), service)
  assert.match(readFileSync(join(dir, 'instar-refresh.timer'), 'utf8'), /^OnCalendar=\*:0\/10$/m)
  assert.match(readFileSync(join(dir, 'instar-refresh.path'), 'utf8'), /^PathChanged=\/usr\/libexec\/os-refresh-config\/configure\.d$/m)
  assert.match(
    readFileSync(join(dir, 'instar-refresh-continue.service'), 'utf8'),
    /^ConditionPathExists=.*\/refresh\/after-reboot$[^]*^WantedBy=multi-user\.target$/m,
  )

  assert.equal((await host.run('install', '--root', host.dir, '--remove')).code, 0)
  assert.deepEqual(readdirSync(dir), [])
})

test('what a run would refuse, or what cannot be started, is not installed', async t => {
  const host = new PhonyHost(t, {})

  assert.equal((await host.run('install', '--root', host.dir, '--retries', 'many')).code, 2)
  assert.equal((await host.run('install', '--root', host.dir, '--enable')).code, 2)
  const missing = await host.run('install', '--program', join(host.dir, 'nothing'))
  assert.match(missing.stderr, /may not be executed {2}\[refresh\.not-installable\]/)
})

test('the subgroup is for a systemd that knows it', () => {
  const settings = { program: '/p', words: [], calendar: 'daily', watch: [], stateDir: '/s', environment: {} }

  assert.doesNotMatch(renderUnits({ ...settings, subgroup: undefined }).get('instar-refresh.service') ?? '', /DelegateSubgroup/)
  assert.match(renderUnits({ ...settings, subgroup: 'g' }).get('instar-refresh.service') ?? '', /^DelegateSubgroup=g$/m)
})
