import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createTestProgram } from '../test-program.fixture.ts'
import type { Finding } from './finding.ts'
import { checkVersion } from './tools.ts'
import { describeAccelerator } from './virtualisation.ts'

// Nothing here starts QEMU: each machine lacks something without which none can start.

const dir = mkdtempSync(join(tmpdir(), 'instar-doctor-'))
after(() => rmSync(dir, { recursive: true, force: true }))

/** A folder for PATH with some programs: a link to the machine's own (`true` answers nothing), or lines of sh. */
function programs(name: string, lines: Readonly<Record<string, string>>): string {
  const folder = join(dir, name)
  mkdirSync(folder)
  for (const tool of ['sh', 'true', 'sleep']) symlinkSync(execFileSync('which', [tool], { encoding: 'utf8' }).trim(), join(folder, tool))
  for (const [tool, line] of Object.entries(lines)) writeFileSync(join(folder, tool), `#!/bin/sh\n${line}\n`, { mode: 0o755 })
  return folder
}

async function examine(path: string, world = dir): Promise<{ exitCode: number; findings: Map<string, Finding>; text: string }> {
  const json = createTestProgram({ dir: world, env: { PATH: path } }, ['doctor', '--json'])
  const exitCode = await json.run()
  const text = createTestProgram({ dir: world, env: { PATH: path } }, ['doctor'])
  assert.equal(await text.run(), exitCode)
  const findings = json.written.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Finding)
  return { exitCode, findings: new Map(findings.map(finding => [finding.name, finding])), text: text.written.stdout }
}

test('a program that is missing, too old, broken or silent is told of, each with its package, and no appliance is tried', async () => {
  const path = programs('some', {
    'qemu-img': 'echo qemu-img version 5.2.0',
    cpio: 'echo cpio: no such library >&2; exit 127',
    zstd: 'echo fine',
    ssh: 'echo OpenSSH_9.2p1 >&2',
  })

  const { exitCode, findings, text } = await examine(path)

  assert.equal(exitCode, 1)
  const told = (name: string) => [findings.get(name)?.state, findings.get(name)?.found, findings.get(name)?.hint]
  assert.deepEqual(told('qemu-system-x86_64'), ['missing', 'not found', 'apt-get install qemu-system-x86'])
  assert.deepEqual(told('qemu-img'), ['too old', '5.2.0', 'needed 7.0: install a newer qemu-utils'])
  assert.deepEqual(told('cpio'), ['missing', 'does not run: cpio: no such library', 'apt-get install cpio'])
  assert.deepEqual(told('zstd'), ['warning', 'fine', 'no version in its words; 1.4 or newer is needed'])
  assert.deepEqual(told('ssh'), ['ok', '9.2', ''])
  assert.deepEqual(told('virtualisation').slice(0, 2), ['warning', 'not tried'])
  assert.match(told('virtualisation')[2] ?? '', /first mend: qemu-system-x86_64, qemu-img, /)
  assert.match(text, /^qemu-system-x86_64 +missing +not found +apt-get install qemu-system-x86$/m)
})

test('folders that cannot be used are told of, with the variable that names others; nothing is left in those that can', async () => {
  const path = programs('none', {})
  const world = join(dir, 'world')
  mkdirSync(world)
  writeFileSync(join(world, 'cache'), 'a file')

  const { exitCode, findings } = await examine(path, world)

  assert.equal(exitCode, 1)
  assert.equal(findings.get('cache folder')?.state, 'failed')
  assert.match(findings.get('cache folder')?.found ?? '', /cache: E(EXIST|NOTDIR): /)
  assert.match(findings.get('cache folder')?.hint ?? '', /INSTAR_CACHE_DIR/)
  assert.match(findings.get('state folder')?.found ?? '', /state: \d+ MiB free/)
  assert.deepEqual(readdirSync(join(world, 'state')), [])
})

test('versions are compared by number, not by text', () => {
  const wanted = { needs: '1.10', package: 'x' }
  assert.equal(checkVersion('x', 'x 1.9.4', wanted).state, 'too old')
  assert.equal(checkVersion('x', 'x (Debian) 1.10', wanted).state, 'ok')
  assert.equal(checkVersion('x', 'x version 10.0.1', wanted).state, 'ok')
})

test('emulation is told with its reason: no KVM, no access to it, or a KVM under which no guest starts', () => {
  assert.deepEqual(describeAccelerator('kvm', 'open'), { name: 'virtualisation', state: 'ok', found: 'kvm', hint: '' })
  assert.match(describeAccelerator('tcg', 'absent').found, /there is no \/dev\/kvm/)
  assert.match(describeAccelerator('tcg', 'closed').hint, /group kvm/)
  assert.match(describeAccelerator('tcg', 'open').found, /no guest starts under it/)
})
