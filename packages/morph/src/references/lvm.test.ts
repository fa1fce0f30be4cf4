import assert from 'node:assert/strict'
import { test } from 'node:test'
import { phonyGuest } from '../tree/phony-guest.ts'
import { fixLvmDevices } from './lvm-devices.ts'
import { fixLvmFilters } from './lvm-filter.ts'

const VDA2 = ['/dev/vda2', '/dev/disk/by-partuuid/1234-02']
const SDA2 = ['/dev/sda2', '/dev/disk/by-partuuid/1234-02']

test('a devices file that tells disks by hardware is moved aside, content kept, with the re-import offered', () => {
  const text =
    '# LVM uses devices listed in this file.\nVERSION=1.1.2\nIDTYPE=sys_wwid IDNAME=naa.6000c29 DEVNAME=/dev/sda2 PVID=abc PART=2\n'
  const tree = phonyGuest({ 'etc/lvm/devices/system.devices': { content: text, mode: 0o600 } })

  const outcome = fixLvmDevices(tree)

  assert.equal(tree.exists('/etc/lvm/devices/system.devices'), false)
  assert.equal(tree.read('/etc/lvm/devices/system.devices.pre-morph'), text)
  assert.equal(tree.stat('/etc/lvm/devices/system.devices.pre-morph')?.mode, 0o600)
  assert.match(outcome.changes[0]!, /1 entries tell disks by hardware \(sys_wwid\)/)
  assert.deepEqual(outcome.offers[0]?.argv, ['vgimportdevices', '-a'])
  assert.deepEqual(outcome.inInitramfs, ['/etc/lvm/devices/system.devices'])
})

test('a second move keeps the first copy', () => {
  const tree = phonyGuest({
    'etc/lvm/devices/system.devices': 'IDTYPE=devname IDNAME=/dev/sda\n',
    'etc/lvm/devices/system.devices.pre-morph': 'old',
  })

  fixLvmDevices(tree)

  assert.equal(tree.read('/etc/lvm/devices/system.devices.pre-morph'), 'old')
  assert.match(tree.read('/etc/lvm/devices/system.devices.pre-morph.2')!, /devname/)
})

test('a devices file of stable entries, and one that is empty, stay', () => {
  const stable = phonyGuest({ 'etc/lvm/devices/system.devices': 'IDTYPE=crypt_uuid IDNAME=CRYPT-LUKS2-x\n' })
  const empty = phonyGuest({ 'etc/lvm/devices/system.devices': '# none\n' })

  assert.deepEqual(fixLvmDevices(stable).changes, [])
  assert.equal(fixLvmDevices(empty).warnings.length, 1)
  assert.deepEqual([...stable.changes(), ...empty.changes()], [])
})

test('a filter that hides the volumes of the new platform is opened, with the old value as a comment', () => {
  const text = [
    'devices {',
    '\tdir = "/dev"',
    '\tglobal_filter = [ "a|^/dev/sda|", # system',
    '\t\t"r|.*|" ]',
    '\t# filter = [ "r|.*|" ]',
    '}',
    '',
  ].join('\n')
  const tree = phonyGuest({ 'etc/lvm/lvm.conf': text })

  const outcome = fixLvmFilters(tree, [VDA2])

  const after = [
    'devices {',
    '\tdir = "/dev"',
    '# instar: was global_filter = [ "a|^/dev/sda|", "r|.*|" ]',
    '\tglobal_filter = [ "a|.*|" ]',
    '\t# filter = [ "r|.*|" ]',
    '}',
    '',
  ].join('\n')
  assert.equal(tree.read('/etc/lvm/lvm.conf'), after)
  assert.match(outcome.changes[0]!, /global_filter hid \/dev\/vda2 and accepts every device now/)
  assert.deepEqual(fixLvmFilters(tree, [VDA2]).changes, [], 'a second run changes nothing')
})

test('a filter that lets the volumes through stays byte for byte', () => {
  for (const filter of ['[ "a|/dev/vd.*|", "r|.*|" ]', '[ "r|/dev/cdrom|" ]', '"a/.*/"', '[ "a|by-partuuid/1234|", "r|.*|" ]']) {
    const tree = phonyGuest({ 'etc/lvm/lvm.conf': `devices { filter = ${filter} }\n` })

    assert.deepEqual(fixLvmFilters(tree, [VDA2]).changes, [], filter)
    assert.deepEqual(tree.changes(), [], filter)
  }
})

test('the bus decides: what hides /dev/vda lets /dev/sda through', () => {
  const guest = () => phonyGuest({ 'etc/lvm/lvm.conf': 'devices { filter=["a|/dev/sd|","r/.*/"] }' })

  assert.equal(fixLvmFilters(guest(), [SDA2]).changes.length, 0)
  const tree = guest()
  assert.equal(fixLvmFilters(tree, [VDA2]).changes.length, 1)
  assert.equal(tree.read('/etc/lvm/lvm.conf'), 'devices { filter=[ "a|.*|" ] }')
})

test('other settings with "filter" in their names and text in strings are no filters', () => {
  const text = 'devices { thin_filter = [ "r|.*|" ]\n name = "filter = [ x ]" }\n'
  const tree = phonyGuest({ 'etc/lvm/lvm.conf': text })

  fixLvmFilters(tree, [VDA2])

  assert.equal(tree.read('/etc/lvm/lvm.conf'), text)
})

test('a filter that cannot be read is reported, never guessed', () => {
  for (const filter of ['[ "a|(?=x)|" ]', '[ "x|y|" ]', '[ "r" ]']) {
    const tree = phonyGuest({ 'etc/lvm/lvmlocal.conf': `devices/filter = ${filter}\n` })

    const outcome = fixLvmFilters(tree, [VDA2])

    assert.match(outcome.warnings[0]!.message, /cannot be read/)
    assert.deepEqual(tree.changes(), [])
  }
})

test('an unfinished filter and a guest without LVM are left alone', () => {
  const tree = phonyGuest({ 'etc/lvm/lvm.conf': 'devices { filter = [ "r|.*|", ' })

  assert.deepEqual(fixLvmFilters(tree, [VDA2]).changes, [])
  assert.deepEqual(fixLvmFilters(phonyGuest({}), [VDA2]), { changes: [], warnings: [], inInitramfs: [], offers: [] })
})
