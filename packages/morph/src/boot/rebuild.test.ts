import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { FakeRule } from '../../../machine/src/fake-machine.ts'
import { FakeMachine } from '../../../machine/src/fake-machine.ts'
import { phonyGuest } from '../tree/phony-guest.ts'
import { ALL_MODULES, phonyImage, phonyModules } from './kernel/phony-boot.fixture.ts'
import { rebuildInitramfs } from './rebuild.ts'
import type { RebuildTool } from './rebuild-commands.ts'

const VERSION = '6.1.0-28-amd64'
const IMAGE = phonyImage({ version: VERSION, modules: ALL_MODULES })
const tree = phonyGuest({
  lib: { link: 'usr/lib' },
  ...phonyModules({ version: VERSION }),
  'etc/mkinitfs/mkinitfs.conf': 'features="base ext4 virtio lvm"\n',
})

/** A machine whose builder writes `built`, with `free` bytes in /boot. */
function machine(options: { built?: Buffer; free?: number; builder?: FakeRule } = {}) {
  const fake = new FakeMachine({
    rules: [
      ...(options.builder === undefined ? [] : [options.builder]),
      [['stat', '--format=%F'], { stdout: 'regular file\n' }],
      [['stat', '--format=%s'], { stdout: '1000\n' }],
      [['stat', '--file-system'], { stdout: `${options.free ?? 1_000_000} 1\n` }],
      [
        argv => argv[0] === 'chroot',
        argv => {
          const output = argv.find(word => word.endsWith('initramfs.img'))
          if (output !== undefined) fake.files.set(`/mnt${output}`, options.built ?? IMAGE)
          return {}
        },
      ],
      [() => true, {}],
    ],
  })
  return fake
}

function rebuild(fake: FakeMachine, tool: RebuildTool = 'initramfs-tools', judge = (): string[] => []) {
  return rebuildInitramfs({
    machine: fake,
    tree,
    root: '/mnt',
    chroot: argv => ['chroot', '/mnt', ...argv],
    tool,
    version: VERSION,
    kernelImage: `/boot/vmlinuz-${VERSION}`,
    initramfs: `/boot/initrd.img-${VERSION}`,
    judge,
    signal: new AbortController().signal,
  })
}

test('initramfs-tools builds with MODULES=most from a copy of its configuration, and the old image is replaced by a rename', async () => {
  const fake = machine()

  const result = await rebuild(fake)

  const lines = fake.commands.map(argv => argv.join(' '))
  assert.equal(result.newBytes, IMAGE.length)
  assert.equal(result.oldBytes, 1000)
  assert.ok(lines.some(line => line.includes('zz-instar MODULES=most')))
  assert.ok(lines.some(line => /chroot \/mnt mkinitramfs -d \S+\/initramfs-tools -o \S+initramfs.img 6.1.0-28-amd64$/.test(line)))
  assert.ok(lines.indexOf(lines.find(line => line.startsWith('mv -f'))!) < lines.indexOf(lines.find(line => line.startsWith('cmp'))!))
  assert.match(lines.at(-1) ?? '', /^rm -rf --one-file-system \/mnt\/\.instar-initramfs-/)
})

test('dracut is asked for a generic image with every bus that the kernel has', async () => {
  const fake = machine()

  const { argv } = await rebuild(fake, 'dracut')

  assert.deepEqual(argv.slice(0, 4), ['dracut', '--force', '--add-drivers', 'virtio_pci virtio_blk nvme virtio_scsi sd_mod ahci'])
  assert.ok(argv.includes('--no-hostonly') && argv.includes('--no-hostonly-cmdline'))
})

test('an older dracut that does not know an option is asked again without it', async () => {
  const builder: FakeRule = [argv => argv.includes('--no-hostonly-cmdline'), { exitCode: 1, stderr: 'unrecognized option' }]

  const { argv } = await rebuild(machine({ builder }), 'dracut')

  assert.ok(argv.includes('--no-hostonly') && !argv.includes('--no-hostonly-cmdline'))
})

test('mkinitcpio goes without autodetect, and mkinitfs keeps the features of the guest', async () => {
  const [arch, alpine] = [await rebuild(machine(), 'mkinitcpio'), await rebuild(machine(), 'mkinitfs')]

  assert.deepEqual(arch.argv.slice(-2), ['-S', 'autodetect'])
  assert.equal(alpine.argv[2], 'base ext4 virtio lvm ata nvme scsi')
})

test('a new image that does not serve, is cut off or is missing leaves the old one', async () => {
  const cut = machine({ built: IMAGE.subarray(0, 300) })
  const poor = machine()
  const none = machine({ builder: [['stat', '--format=%F'], { exitCode: 1 }] })

  await assert.rejects(rebuild(cut), { code: 'boot.rebuild-failed', message: /it is damaged/ })
  await assert.rejects(
    rebuild(poor, 'dracut', () => ['virtio_blk is not in the image']),
    { code: 'boot.rebuild-failed', message: /virtio_blk/ },
  )
  await assert.rejects(rebuild(none), { code: 'boot.rebuild-failed', message: /not written/ })
  for (const fake of [cut, poor, none]) assert.ok(!fake.commands.some(([name]) => name === 'mv' || name === 'cp'))
})

test('a tool that fails is told with its last words', async () => {
  const fake = machine({ builder: [argv => argv.includes('mkinitramfs'), { exitCode: 2, stderr: 'mkinitramfs: no space left' }] })

  await assert.rejects(rebuild(fake), {
    code: 'boot.rebuild-failed',
    message: /initramfs-tools for 6.1.0-28-amd64 ended with 2: .*no space left/,
  })
})

test('without room for a second file the verified image goes over the old one, and without room at all nothing is written', async () => {
  const tight = machine({ free: IMAGE.length - 500 })
  const full = machine({
    free: 0,
    built: phonyImage({ version: VERSION, modules: ALL_MODULES, files: { big: randomBytes(4000).toString('hex') } }),
  })

  await rebuild(tight)
  const refused = rebuild(full)

  assert.ok(tight.commands.some(argv => argv[0] === 'cp' && argv.at(-1) === `/mnt/boot/initrd.img-${VERSION}`))
  await assert.rejects(refused, { code: 'boot.no-space', message: /has \d+ bytes, free 0 and the old one 1000/ })
  assert.ok(!full.commands.some(argv => argv[0] === 'cp' && argv.at(-1)?.startsWith('/mnt/boot/')))
})
