import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KernelFacts } from '../boot/inspect-boot.ts'
import type { KernelVerdict } from '../boot/kernel/judge.ts'
import { readLoader } from '../boot/loader/read-loader.ts'
import { planFallback } from '../boot/uefi/fallback.ts'
import { phonyGuest } from '../tree/phony-guest.ts'
import { checkGuest } from './check-guest.ts'
import type { CheckInput } from './check-input.ts'

const MIB = 1024 * 1024
const FILES = {
  'boot/vmlinuz-6.1': 'k',
  'boot/initrd.img-6.1': 'i',
  'boot/grub/grub.cfg': "menuentry 'Debian' {\nlinux /boot/vmlinuz-6.1 root=UUID=AAAA ro\ninitrd /boot/initrd.img-6.1\n}\n",
}

function kernel(verdict: KernelVerdict['verdict'], reasons: string[] = [], isDefault = true): KernelFacts {
  return {
    version: '6.1',
    image: '/boot/vmlinuz-6.1',
    isDefault,
    initramfs: '/boot/initrd.img-6.1',
    initramfsBytes: 40 * MIB,
    verdict: { verdict, reasons, warnings: [], modules: [] },
  }
}

/** A guest that boots, with what the case changes. */
function check(change: Partial<CheckInput> & { files?: Parameters<typeof phonyGuest>[0] } = {}) {
  const tree = phonyGuest(change.files ?? FILES)
  const loader = readLoader(tree, 'bios')
  return checkGuest({
    tree,
    target: { bus: 'virtio', firmware: 'bios' },
    guest: {
      osType: 'linux',
      name: 'Debian 12',
      firmware: { firmware: 'bios', bootsBoth: false, reason: 'there is a BIOS boot partition' },
      initramfsTool: 'initramfs-tools',
      cpuLevel: 1,
    },
    root: { uuid: 'aaaa' },
    filesystems: [{ at: '/', type: 'ext4', freeBytes: 500 * MIB, sizeBytes: 2000 * MIB, freeInodes: 1000, state: 'clean' }],
    references: [],
    ...change,
    boot: {
      kernels: [kernel('serves')],
      bootSector: { loader: 'grub2', isWhole: true, coreAtLba: 34 },
      ...(loader === undefined ? {} : { loader }),
      ...change.boot,
    },
  })
}
const bad = (verdict: ReturnType<typeof check>) => verdict.lines.filter(({ state }) => state !== 'ok')
const kernels = (...list: KernelFacts[]): { boot: CheckInput['boot'] } => ({ boot: { kernels: list } })

test('a whole guest boots, and every line says why', () => {
  const verdict = check()

  assert.deepEqual([verdict.boots, verdict.bootsAfterMorph, bad(verdict)], ['yes', 'yes', []])
  assert.match(verdict.lines.map(({ message }) => message).join('\n'), /core.img begins at sector 34/)
})

test('a driver that an overlay brings is a no now and a yes after the morph', () => {
  const verdict = check(kernels(kernel('overlay', ['virtio_blk for disks on virtio is not in the image'])))

  assert.deepEqual([verdict.boots, verdict.bootsAfterMorph], ['no', 'yes'])
  assert.match(bad(verdict)[0]?.message ?? '', /virtio_blk .* \(an archive is appended\)/)
})

test('a kernel without the driver is a no for good, and only a warning when it is not the default', () => {
  const [first, second] = [
    check(kernels(kernel('cannot', ['no nvme']))),
    check(kernels(kernel('serves'), kernel('cannot', ['no nvme'], false))),
  ]

  assert.deepEqual([first.boots, first.bootsAfterMorph], ['no', 'no'])
  assert.match(bad(first)[0]?.hint ?? '', /another bus/)
  assert.deepEqual([second.boots, bad(second)[0]?.state], ['yes', 'warning'])
})

test('a rebuild needs a tool in the guest and room for the new image', () => {
  const rebuild = kernels(kernel('rebuild', ['the initramfs is damaged: cut off']))
  const tight = [{ at: '/', type: 'ext4', freeBytes: 60 * MIB, sizeBytes: 1000 * MIB }]

  const none = check({
    ...rebuild,
    guest: { osType: 'linux', name: 'X', firmware: { firmware: 'bios', bootsBoth: false, reason: '' }, initramfsTool: 'none', cpuLevel: 1 },
  })

  assert.equal(check(rebuild).bootsAfterMorph, 'yes')
  assert.equal(none.bootsAfterMorph, 'no')
  assert.equal(check({ ...rebuild, filesystems: tight }).bootsAfterMorph, 'no')
  assert.match(JSON.stringify(bad(check({ ...rebuild, filesystems: tight }))), /72 MiB needed for a new initramfs, free 60 MiB/)
})

test('an image that this host cannot unpack leaves the answer open', () => {
  assert.equal(check(kernels(kernel('rebuild', ['the initramfs is unreadable: lzop is needed on this host']))).boots, 'unknown')
})

test('missing and empty boot files are told by name', () => {
  const { 'boot/initrd.img-6.1': _, ...without } = FILES

  assert.match(JSON.stringify(bad(check({ files: without }))), /\/boot\/initrd.img-6.1 is not there/)
  assert.match(JSON.stringify(bad(check({ files: { ...FILES, 'boot/initrd.img-6.1': '' } }))), /initrd.img-6.1 is empty/)
})

for (const [root, boots, after] of [
  ['UUID=aaaa', 'yes', 'yes'],
  ['UUID=bbbb', 'no', 'no'],
  ['/dev/sda1', 'no', 'yes'],
  ['/dev/mapper/vg-root', 'yes', 'yes'],
] as const) {
  test(`root=${root} boots: ${boots}, after a morph: ${after}`, () => {
    const verdict = check({ files: { ...FILES, 'boot/grub/grub.cfg': FILES['boot/grub/grub.cfg'].replace('UUID=AAAA', root) } })

    assert.deepEqual([verdict.boots, verdict.bootsAfterMorph], [boots, after])
  })
}

test('firmware must fit, unless the guest boots by both', () => {
  const guest = (bootsBoth: boolean) => ({
    osType: 'linux' as const,
    name: 'X',
    firmware: { firmware: 'uefi' as const, bootsBoth, reason: 'there is an EFI system partition' },
    initramfsTool: 'dracut' as const,
    cpuLevel: 1 as const,
  })

  assert.match(bad(check({ guest: guest(false) }))[0]?.hint ?? '', /UEFI firmware/)
  assert.equal(check({ guest: guest(true) }).boots, 'yes')
})

test('a boot sector without code, or with GRUB whose core.img is gone, does not boot', () => {
  const sector = (bootSector: CheckInput['boot']['bootSector']) =>
    check({ boot: { kernels: [kernel('serves')], ...(bootSector === undefined ? {} : { bootSector }) } }).boots

  assert.equal(sector({ loader: 'none' }), 'no')
  assert.equal(sector({ loader: 'grub2', isWhole: false, coreAtLba: 1, problem: 'gone' }), 'no')
  assert.equal(sector({ loader: 'other' }), 'unknown')
})

test('on UEFI the fallback loader decides', () => {
  const uefi = (files: Record<string, string>) => {
    const fallback = planFallback(phonyGuest(files), { esp: '/boot/efi', architecture: 'x86_64' })
    return check({
      target: { bus: 'virtio', firmware: 'uefi' },
      guest: {
        osType: 'linux',
        name: 'X',
        firmware: { firmware: 'uefi', bootsBoth: false, reason: '' },
        initramfsTool: 'dracut',
        cpuLevel: 1,
      },
      boot: { kernels: [kernel('serves')], fallback },
    })
  }

  const [present, planned, impossible] = [
    uefi({ 'boot/efi/EFI/BOOT/BOOTX64.EFI': 'x' }),
    uefi({ 'boot/efi/EFI/debian/grubx64.efi': 'x' }),
    uefi({ 'boot/efi/x': '' }),
  ]

  assert.deepEqual([present.boots, planned.boots, planned.bootsAfterMorph, impossible.bootsAfterMorph], ['yes', 'no', 'yes', 'no'])
})

test('references, processor, packages and inodes each say what to do', () => {
  const verdict = check({
    files: { ...FILES, 'var/lib/dpkg/status': 'Package: a\nStatus: install ok half-configured\n', 'var/lib/dpkg/updates/0001': '' },
    target: { bus: 'virtio', firmware: 'bios', cpuLevel: 1 },
    guest: {
      osType: 'linux',
      name: 'RHEL 9',
      firmware: { firmware: 'bios', bootsBoth: false, reason: '' },
      initramfsTool: 'dracut',
      cpuLevel: 2,
    },
    references: [
      { path: '/etc/fstab', message: '/var is on a disk that is not attached', weight: 'fatal', isFixedByMorph: false },
      { path: '/etc/fstab', message: '/mnt/cd is not there', weight: 'harmless', isFixedByMorph: false },
    ],
    filesystems: [{ at: '/', type: 'ext4', freeBytes: 50 * MIB, sizeBytes: 1000 * MIB, freeInodes: 3, state: 'damaged' }],
  })

  const lines = bad(verdict)
  assert.deepEqual(
    lines.map(({ area, state }) => `${area} ${state}`),
    ['references fatal', 'filesystems fatal', 'space warning', 'space fatal', 'processor fatal', 'packages warning'],
  )
  assert.ok(lines.every(({ hint }) => hint !== undefined))
})

test('Windows is not judged', () => {
  assert.equal(
    check({
      guest: {
        osType: 'windows',
        name: 'Windows',
        firmware: { firmware: 'uefi', bootsBoth: false, reason: '' },
        initramfsTool: 'none',
        cpuLevel: 1,
      },
    }).boots,
    'unknown',
  )
})
