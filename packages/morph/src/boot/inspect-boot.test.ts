import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { FakeMachine } from '../../../machine/src/fake-machine.ts'
import { detectKernels } from '../detect/kernels.ts'
import { phonyGuest } from '../tree/phony-guest.ts'
import { MODE_FILE, writeCpio } from './initramfs/cpio-write.ts'
import { makePe } from './initramfs/pe.fixture.ts'
import { readInitramfs } from './initramfs/read.ts'
import { type BootInspection, inspectBoot, readFallbackFiles } from './inspect-boot.ts'
import { appendOverlay } from './kernel/append-overlay.ts'
import { ALL_MODULES, phonyImage, phonyModules } from './kernel/phony-boot.fixture.ts'

const signal = new AbortController().signal
const GRUB_EFI = makePe({ '.text': 'grub' })
const MICROCODE = writeCpio([{ path: 'kernel/x86/microcode/GenuineIntel.bin', mode: MODE_FILE, content: 'u' }])
const FILES = {
  lib: { link: 'usr/lib' },
  ...phonyModules({ version: '6.1.0-2' }),
  ...phonyModules({ version: '6.1.0-1' }),
  'boot/vmlinuz-6.1.0-2': 'k',
  'boot/initrd.img-6.1.0-2': 'i',
  'boot/vmlinuz-6.1.0-1': 'k',
  'boot/initrd.img-6.1.0-1': 'i',
  'boot/ucode.img': 'u',
  'boot/grub/grub.cfg':
    "set default='1'\nmenuentry 'new' {\nlinux /boot/vmlinuz-6.1.0-2 root=UUID=1\ninitrd /boot/initrd.img-6.1.0-2\n}\n" +
    "menuentry 'old' {\nlinux /boot/vmlinuz-6.1.0-1 root=UUID=1 ro\ninitrd /boot/ucode.img /boot/initrd.img-6.1.0-1\n}\n",
  'boot/efi/EFI/debian/grubx64.efi': GRUB_EFI,
}

function setUp() {
  const tree = phonyGuest(FILES)
  const mbr = Buffer.alloc(512)
  mbr.write('GRUB \0', 0x180)
  mbr.writeUInt16LE(0xaa55, 510)
  mbr.writeBigUInt64LE(1n, 0x5c)
  const machine = new FakeMachine({
    files: {
      '/mnt/boot/initrd.img-6.1.0-2': phonyImage({ version: '6.1.0-2', modules: ALL_MODULES }),
      '/mnt/boot/initrd.img-6.1.0-1': phonyImage({ version: '6.1.0-1', modules: ['ext4'] }),
      '/mnt/boot/ucode.img': MICROCODE,
      '/mnt/boot/efi/EFI/debian/grubx64.efi': GRUB_EFI,
      ...Object.fromEntries(
        tree
          .glob('/usr/lib/modules/**')
          .filter(path => tree.stat(path)?.kind === 'file')
          .map(path => [`/mnt${path}`, tree.readBytes(path)!]),
      ),
    },
    rules: [
      [['dd', 'if=/dev/vda'], argv => ({ stdout: argv.includes('skip=0') ? mbr : Buffer.alloc(512, 'loading') })],
      [['head', '-c'], { stdout: GRUB_EFI }],
    ],
  })
  const inspection: BootInspection = {
    machine,
    tree,
    root: '/mnt',
    kernels: detectKernels(tree),
    target: { bus: 'virtio', firmware: 'bios' },
    stack: { filesystem: 'ext4', layers: [] },
    resolve: () => undefined,
    changedFiles: [],
    bootDisk: '/dev/vda',
    esp: '/boot/efi',
    architecture: 'x86_64',
    signal,
  }
  return { tree, machine, inspection }
}

test('judges the default kernel with its command line and all its images, and the newest one', async () => {
  const { inspection } = setUp()

  const facts = await inspectBoot(inspection)

  assert.deepEqual(
    facts.kernels.map(kernel => [kernel.version, kernel.isDefault, kernel.initramfs, kernel.verdict.verdict]),
    [
      ['6.1.0-1', true, '/boot/initrd.img-6.1.0-1', 'overlay'],
      ['6.1.0-2', false, '/boot/initrd.img-6.1.0-2', 'serves'],
    ],
  )
  assert.deepEqual(facts.bootSector, { loader: 'grub2', isWhole: true, coreAtLba: 1 })
  assert.equal(facts.fallback, undefined)
})

test('on UEFI plans the fallback loader and reads the files that it copies', async () => {
  const { inspection, machine } = setUp()

  const { fallback } = await inspectBoot({ ...inspection, target: { bus: 'virtio', firmware: 'uefi' } })

  assert.equal(fallback?.state, 'planned')
  assert.deepEqual([...(await readFallbackFiles(machine, '/mnt', fallback, signal)).keys()], ['/boot/efi/EFI/debian/grubx64.efi'])
})

/** Answers of the commands that append, from the files that the machine holds. */
function withFiles(machine: FakeMachine, { free = 1_000_000, loses = 0 } = {}) {
  const of = (path: string | undefined) => machine.files.get(path ?? '') ?? Buffer.alloc(0)
  return machine
    .on(['stat', '--format=%s'], argv => ({ stdout: `${of(argv[2]).length}\n` }))
    .on(['stat', '--file-system'], { stdout: `${free} 1\n` })
    .on(
      argv => argv[0] === 'dd' && argv[2]?.startsWith('of=') === true,
      argv => {
        const [from = '', to = ''] = [argv[1]?.slice(3), argv[2]?.slice(3)]
        machine.files.set(to, Buffer.concat([of(to), of(from).subarray(0, of(from).length - loses)]))
        return {}
      },
    )
    .on(['sh', '-c'], argv => ({
      stdout: createHash('sha256')
        .update(of(argv[5]).subarray(-Number(argv[4])))
        .digest('hex'),
    }))
    .on(['truncate', '-s'], argv => {
      machine.files.set(argv[3] ?? '', of(argv[3]).subarray(0, Number(argv[2])))
      return {}
    })
    .on(['rm', '-f'], {})
}

test('appends an overlay in place, after which the image serves', async () => {
  const { inspection, tree, machine } = setUp()
  const plan = (await inspectBoot(inspection)).kernels[0]?.verdict.overlay
  assert.ok(plan)

  const { addedBytes } = await appendOverlay(withFiles(machine), { tree, root: '/mnt', image: '/boot/initrd.img-6.1.0-1', plan, signal })

  const after = await inspectBoot(inspection)
  assert.ok(addedBytes > 0)
  assert.equal(after.kernels[0]?.verdict.verdict, 'serves')
  assert.equal((await readInitramfs(machine.files.get('/mnt/boot/initrd.img-6.1.0-1')!, { signal })).parts.length, 2)
})

test('cuts the image back when the overlay does not arrive whole, and writes nothing without room', async () => {
  const { inspection, tree, machine } = setUp()
  const plan = (await inspectBoot(inspection)).kernels[0]?.verdict.overlay
  assert.ok(plan)
  const before = Buffer.from(machine.files.get('/mnt/boot/initrd.img-6.1.0-1')!)
  const request = { tree, root: '/mnt', image: '/boot/initrd.img-6.1.0-1', plan, signal }

  await assert.rejects(appendOverlay(withFiles(machine, { loses: 3 }), request), { code: 'boot.overlay-failed' })
  await assert.rejects(appendOverlay(withFiles(machine, { free: 100 }), request), { code: 'boot.no-space', message: /free 100 bytes/ })

  assert.deepEqual(machine.files.get('/mnt/boot/initrd.img-6.1.0-1'), before)
})
