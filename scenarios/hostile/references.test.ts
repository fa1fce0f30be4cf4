import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { requires } from '@instar/fixtures'
import { hashFile } from '@instar/machine'
import { Instar } from '../runner/instar.ts'

// Image files that name files of this machine, or are not whole: refused before QEMU opens anything. Nothing here starts an appliance.

const skip = requires(['qemu'], process.env)
const signal = AbortSignal.timeout(120_000)
const workDir = mkdtempSync(join(tmpdir(), 'instar-hostile-images-'))
const folder = join(workDir, 'images')
const image = join(folder, 'disk')
/** A named pipe: who opens it waits for ever, so that an end of the command shows that nobody did. */
const pipe = join(workDir, 'pipe')
const instar = new Instar(join(workDir, 'state'), signal)

before(() => {
  mkdirSync(folder)
  execFileSync('mkfifo', [pipe])
  writeFileSync(join(workDir, 'secret'), 'root:x:0:0')
})
after(() => rmSync(workDir, { recursive: true, force: true }))

const qemuImg = (...args: readonly string[]): void => void execFileSync('qemu-img', args, { stdio: ['ignore', 'ignore', 'pipe'] })
const backedBy = (name: string, format = 'raw') => qemuImg('create', '-q', '-u', '-f', 'qcow2', '-b', name, '-F', format, image, '1M')

/** The command refuses the image by this code, with a hint, and leave it and its folder as they were. */
async function assertRefused(code: string, message: RegExp, argv: readonly string[] = ['morph', '--json']): Promise<void> {
  const hash = await hashFile(image, signal)
  const names = readdirSync(folder)

  const { exitCode, stderr } = await instar.run(...argv, image)

  assert.equal(exitCode, 3, stderr)
  assert.ok(stderr.includes(`[${code}]`), stderr)
  assert.match(stderr, message)
  assert.match(stderr, /^hint: \S/m)
  assert.doesNotMatch(stderr, /root:x:/, 'nothing of another file is shown')
  assert.equal(await hashFile(image, signal), hash)
  assert.deepEqual(readdirSync(folder), names)
}

const REFERENCES: readonly (readonly [what: string, name: () => string, format?: string])[] = [
  ['/etc/passwd', () => '/etc/passwd'],
  ['a file beside its folder', () => '../secret'],
  ['a named pipe, as raw', () => pipe],
  ['a named pipe, as qcow2', () => pipe, 'qcow2'],
  ['a disk of this machine', () => '/dev/sda'],
  ['json:', () => `json:${JSON.stringify({ driver: 'raw', file: { driver: 'file', filename: '/etc/passwd' } })}`],
  ['a server', () => 'nbd://127.0.0.1:1/x'],
  ['the network file system of another', () => 'ssh://127.0.0.1/etc/passwd'],
]

for (const [what, name, format] of REFERENCES) {
  test(`a qcow2 image with a backing file that is ${what} is refused`, { skip }, async () => {
    backedBy(name(), format)

    await assertRefused('image.backing-refused', /--allow-backing|refers to/)
    if (what === '/etc/passwd')
      for (const command of ['check', 'boot', 'shell']) await assertRefused('image.backing-refused', /refers to/, [command])
  })
}

test('a link in an allowed folder that leads out of it is refused', { skip }, async () => {
  const allowed = join(workDir, 'allowed')
  mkdirSync(allowed)
  execFileSync('ln', ['-s', '/etc/passwd', join(allowed, 'base')])
  backedBy(join(allowed, 'base'))

  const { exitCode, stderr } = await instar.run('check', image, '--allow-backing', allowed)

  assert.equal(exitCode, 3, stderr)
  assert.match(stderr, /\/etc\/passwd, which is neither given nor inside an allowed folder {2}\[image\.backing-refused\]/)
})

test('a vmdk whose extent is a file of this machine is refused', { skip }, async () => {
  writeFileSync(
    image,
    '# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType="monolithicFlat"\n\nRW 8 FLAT "/etc/passwd" 0\n',
  )

  await assertRefused('image.backing-refused', /\/etc\/passwd/)
})

test('a qcow2 image with its data in another file is refused', { skip }, async () => {
  rmSync(image)
  qemuImg('create', '-q', '-f', 'qcow2', '-o', `data_file=${join(workDir, 'data')}`, image, '1M')

  await assertRefused('image.backing-refused', /data/)
})

test('a qcow2 image that is cut short is refused, wherever it was cut', { skip }, async () => {
  for (const keep of [20, 600, 66_000, 200_000, 400_000]) {
    rmSync(image)
    qemuImg('create', '-q', '-f', 'qcow2', image, '4M')
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -q -P 7 0 4M', image], { stdio: 'ignore' })
    truncateSync(image, keep)

    await assertRefused('image.damaged', /./)
  }
})

test('a header that claims more than any disk has is refused, without the memory that it asks for', { skip }, async () => {
  rmSync(image)
  qemuImg('create', '-q', '-f', 'qcow2', image, '1M')
  const bytes = readFileSync(image)
  bytes.writeBigUInt64BE(2n ** 62n, 24)
  bytes.writeUInt32BE(0x7f_ff_ff_ff, 36)
  writeFileSync(image, bytes)

  await assertRefused('image.damaged', /./)
})
