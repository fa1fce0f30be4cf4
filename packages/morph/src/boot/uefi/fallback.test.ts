import assert from 'node:assert/strict'
import { test } from 'node:test'
import { phonyGuest } from '../../tree/phony-guest.ts'
import { makePe } from '../initramfs/pe.fixture.ts'
import { applyFallback, planFallback } from './fallback.ts'

const SHIM = makePe({ '.text': 'shim' }, 0x8664, true)
const GRUB = makePe({ '.text': 'grub is larger' }, 0x8664, true)
const STUB = "search.fs_uuid aaaa root\nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n"
const DEBIAN = {
  'etc/os-release': 'ID=debian\n',
  'boot/efi/EFI/debian/shimx64.efi': SHIM,
  'boot/efi/EFI/debian/grubx64.efi': GRUB,
  'boot/efi/EFI/debian/mmx64.efi': SHIM,
  'boot/efi/EFI/debian/fbx64.efi': SHIM,
  'boot/efi/EFI/debian/BOOTX64.CSV': 'shimx64.efi,debian',
  'boot/efi/EFI/debian/grub.cfg': STUB,
}

function plan(files: Parameters<typeof phonyGuest>[0], esp = '/boot/efi') {
  const tree = phonyGuest(files)
  return { tree, plan: planFallback(tree, { esp, architecture: 'x86_64', readHeader: path => tree.readBytes(path) }) }
}
const contentsOf = (tree: ReturnType<typeof phonyGuest>, copies: readonly { from: string }[]) =>
  new Map(copies.map(({ from }) => [from, tree.readBytes(from)!]))

test('Debian gets shim, grub, MokManager and the stub, and never fbx64', () => {
  const { tree, plan: found } = plan(DEBIAN)

  const written = applyFallback(tree, found, contentsOf(tree, found.copies))

  assert.equal(found.state, 'planned')
  assert.deepEqual(written, [
    '/boot/efi/EFI/BOOT/BOOTX64.EFI',
    '/boot/efi/EFI/BOOT/grubx64.efi',
    '/boot/efi/EFI/BOOT/mmx64.efi',
    '/boot/efi/EFI/BOOT/grub.cfg',
  ])
  assert.deepEqual(tree.readBytes('/boot/efi/EFI/BOOT/BOOTX64.EFI'), SHIM)
  assert.equal(tree.read('/boot/efi/EFI/BOOT/grub.cfg'), STUB)
  assert.equal(planFallback(tree, { esp: '/boot/efi', architecture: 'x86_64' }).state, 'present')
})

test('one that is there in any case is left alone', () => {
  const { plan: found } = plan({ 'efi/efi/boot/bootx64.efi': GRUB }, '/efi')

  assert.equal(found.state, 'present')
  assert.deepEqual(found.copies, [])
})

test('a shim without its second stage gets it under the case that is there', () => {
  const { plan: found } = plan({ ...DEBIAN, 'boot/efi/EFI/boot/bootx64.efi': SHIM })

  assert.match(found.reason, /is shim, and grubx64.efi is not beside it/)
  assert.deepEqual(
    found.copies.map(({ to }) => to),
    ['/boot/efi/EFI/boot/bootx64.efi', '/boot/efi/EFI/boot/grubx64.efi', '/boot/efi/EFI/boot/mmx64.efi'],
  )
})

test('a shim with fbx64 and CSV files serves, with a note on its resets', () => {
  const { plan: found } = plan({ ...DEBIAN, 'boot/efi/EFI/BOOT/BOOTX64.EFI': SHIM, 'boot/efi/EFI/BOOT/fbx64.efi': SHIM })

  assert.equal(found.state, 'present')
  assert.match(found.notes.join(), /may reset the machine/)
})

test('RHEL 7, whose menu lies on the ESP, gets a pointer to it', () => {
  const { plan: found } = plan({
    'etc/os-release': 'ID="rhel"\nID_LIKE="fedora"\n',
    'boot/efi/EFI/redhat/shimx64.efi': SHIM,
    'boot/efi/EFI/redhat/grubx64.efi': GRUB,
    'boot/efi/EFI/redhat/grub.cfg': "menuentry 'RHEL' {\n}\n",
  })

  assert.match(found.texts[0]?.content ?? '', /configfile \(\$root\)\/EFI\/redhat\/grub.cfg/)
})

test('SUSE keeps the names that its shim looks for, and its own folder comes before a foreign one', () => {
  const { plan: found } = plan({
    'etc/os-release': 'ID="sles"\nID_LIKE="suse"\n',
    'boot/efi/EFI/debian/grubx64.efi': GRUB,
    'boot/efi/EFI/sles/shim.efi': SHIM,
    'boot/efi/EFI/sles/grub.efi': GRUB,
    'boot/efi/EFI/sles/MokManager.efi': SHIM,
  })

  assert.deepEqual(
    found.copies.map(({ to }) => to.split('/').at(-1)),
    ['BOOTX64.EFI', 'grub.efi', 'MokManager.efi'],
  )
  assert.match(found.copies[0]?.from ?? '', /sles\/shim.efi/)
})

test('RHEL 6 gets its grub.conf under the name of the copy', () => {
  const { plan: found } = plan({ 'boot/efi/EFI/redhat/grub.efi': GRUB, 'boot/efi/EFI/redhat/grub.conf': 'default=0\n' })

  assert.deepEqual(found.texts, [{ to: '/boot/efi/EFI/BOOT/BOOTX64.conf', content: 'default=0\n' }])
})

test('a loader for another machine type is not taken for one', () => {
  const arm = makePe({ '.text': 'x' }, 0xaa64)

  assert.match(plan({ 'boot/efi/EFI/BOOT/BOOTX64.EFI': arm }).plan.reason, /machine type 0xaa64, not 0x8664/)
  assert.equal(plan({ ...DEBIAN, 'boot/efi/EFI/BOOT/BOOTX64.EFI': '' }).plan.state, 'planned')
})

test('an ESP without a loader of Linux is impossible, and so is none', () => {
  assert.match(plan({ 'boot/efi/EFI/Microsoft/Boot/bootmgfw.efi': SHIM }).plan.reason, /no folder of the ESP has a loader/)
  assert.match(plan({ 'boot/x': '' }).plan.reason, /\/boot\/efi is not there/)
})

test('writes no configuration when a program could not be read', () => {
  const { tree, plan: found } = plan(DEBIAN)

  assert.deepEqual(applyFallback(tree, found, new Map()), [])
  assert.deepEqual(tree.changes(), [])
})
