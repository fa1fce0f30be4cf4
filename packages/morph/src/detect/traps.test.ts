import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PhonyFile } from '../tree/phony-guest.ts'
import { phonyGuest } from '../tree/phony-guest.ts'
import { architectureOfElf } from './architecture.ts'
import { describeGuest, detectGuest } from './detect.ts'
import type { PartitionFact } from './firmware.ts'
import { parseShellValues } from './shell-values.ts'
import { isAtLeast, versionParts } from './version.ts'

const detect = (files: Record<string, PhonyFile>, partitions: readonly PartitionFact[] = []) =>
  detectGuest(phonyGuest(files), { partitions })
const ESP = { table: 'gpt', type: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B' } as const
const BIOS_BOOT = { table: 'gpt', type: '21686148-6449-6e6f-744e-656564454649' } as const

test('versions are compared number by number, not as decimals', () => {
  assert.equal(isAtLeast(versionParts('22.10'), versionParts('22.4')), true)
  assert.equal(isAtLeast(versionParts('9.2'), versionParts('9.10')), false)
  assert.equal(isAtLeast(versionParts('12'), [12, 0]), true)
  assert.equal(isAtLeast(versionParts('forky/sid'), [13]), true)
  assert.deepEqual(versionParts('15.10 (x)'), [15, 10])
})

test('os-release is read as a shell would: quotes, escapes, CR LF, blanks at the end, comments', () => {
  const values = parseShellValues(
    'A=plain   \r\nB="two words"\r\n# C=no\nD=\'single $x\'\nE="say \\"hi\\" \\$5 \\n"\nF=a"b c"\'d\'\nG=x # comment\nH=http://a/#b\n  I=indented\nA=later\nbad line\n=x\n',
  )

  assert.deepEqual(Object.fromEntries(values), {
    A: 'later',
    B: 'two words',
    D: 'single $x',
    E: 'say "hi" $5 \\n',
    F: 'ab cd',
    G: 'x',
    H: 'http://a/#b',
    I: 'indented',
  })
})

test('a link to os-release that dangles falls back to the older files', () => {
  const facts = detect({ 'etc/os-release': { link: '../usr/lib/os-release' }, 'etc/alpine-release': '3.20.1\n' })

  assert.equal(facts.distribution?.id, 'alpine')
  assert.equal(facts.distribution?.source, '/etc/alpine-release')
})

test('a debian_version of another major does not replace VERSION_ID', () => {
  const facts = detect({ 'etc/os-release': 'ID=debian\nVERSION_ID="12"\n', 'etc/debian_version': '11.9\n' })

  assert.equal(facts.distribution?.version, '12')
})

test('an unknown derivative is of the family that ID_LIKE names, and a stranger of none', () => {
  assert.equal(detect({ 'etc/os-release': 'ID=mylinux\nID_LIKE="foo ubuntu debian"\n' }).distribution?.family, 'debian')
  assert.equal(detect({ 'etc/os-release': 'ID=plan10\n' }).distribution?.family, 'other')
})

test('Windows, BSD and other systems are called by their name', () => {
  assert.deepEqual(pick(detect({ 'windows/system32/CONFIG/SYSTEM': 'regf' })), ['windows', 'Windows'])
  assert.deepEqual(pick(detect({ 'EFI/Microsoft/Boot/bcd': '' })), ['windows', 'Windows'])
  assert.deepEqual(pick(detect({ 'etc/freebsd-update.conf': '', 'etc/fstab': '' })), ['bsd', 'FreeBSD'])
  assert.deepEqual(pick(detect({ 'etc/vmware/esx.conf': '' })), ['esxi', 'VMware ESXi'])
  assert.deepEqual(pick(detect({ 'etc/fstab': '' })), ['linux', 'an unknown Linux'])
  assert.deepEqual(pick(detect({ 'data/x': '' })), ['unknown', 'an unknown system'])
})

test('a Linux that shares its ESP with Windows is a Linux', () => {
  assert.equal(detect({ 'etc/os-release': 'ID=debian\n', 'boot/efi/EFI/Microsoft/Boot/BCD': '', bootmgr: '' }).osType, 'linux')
})

const pick = (facts: ReturnType<typeof detect>) => [facts.osType, facts.name]

test('firmware: the description decides, then a BIOS boot partition, then an ESP of either table', () => {
  const firmwareOf = (partitions: readonly PartitionFact[], files: Record<string, PhonyFile> = {}) => {
    const { firmware, bootsBoth } = detect(files, partitions).firmware
    return `${firmware}${bootsBoth ? ' both' : ''}`
  }

  assert.equal(firmwareOf([ESP]), 'uefi')
  assert.equal(firmwareOf([ESP, BIOS_BOOT]), 'bios both')
  assert.equal(firmwareOf([BIOS_BOOT]), 'bios')
  assert.equal(firmwareOf([{ table: 'dos', type: '0x83' }]), 'bios')
  assert.equal(firmwareOf([{ table: 'dos', type: '0xEF' }]), 'uefi')
  assert.equal(firmwareOf([{ table: 'dos', type: '0xef' }], { 'boot/grub/i386-pc/core.img': '' }), 'bios both')
  assert.equal(detectGuest(phonyGuest({}), { partitions: [ESP, BIOS_BOOT], firmware: 'uefi' }).firmware.firmware, 'uefi')
})

test('menu.lst counts only where there is no grub.cfg, and a stub on the ESP is found in any case of letters', () => {
  assert.deepEqual(kinds(detect({ 'boot/grub/grub.cfg': '', 'boot/grub/menu.lst': '' })), ['grub2 /boot/grub/grub.cfg'])
  assert.deepEqual(kinds(detect({ 'boot/efi/EFI/debian/grub.cfg': 'configfile' })), ['grub2 /boot/efi/EFI/debian/grub.cfg'])
  assert.deepEqual(kinds(detect({ 'boot/efi/efi/SYSTEMD/SYSTEMD-BOOTX64.EFI': '' })), [
    'systemd-boot /boot/efi/efi/SYSTEMD/SYSTEMD-BOOTX64.EFI',
  ])
  assert.deepEqual(kinds(detect({ 'etc/lilo.conf': '' })), [])
})

const kinds = (facts: ReturnType<typeof detect>) => facts.bootLoaders.map(({ kind, config }) => `${kind} ${config}`)

test('kernels: leftovers are none, the link in / is the default, a folder without modules.dep is said', () => {
  const facts = detect({
    'etc/os-release': 'ID=debian\n',
    'boot/vmlinuz-6.1.0-9-amd64': '',
    'boot/initrd.img-6.1.0-9-amd64': '',
    'boot/vmlinuz-6.1.0-18-amd64': '',
    'boot/vmlinuz-6.1.0-18-amd64.old': '',
    'boot/vmlinuz-0-rescue-abc': '',
    'lib/modules/6.1.0-9-amd64/modules.dep': '',
    'lib/modules/6.1.0-18-amd64/kernel/x.ko': '',
    vmlinuz: { link: 'boot/vmlinuz-6.1.0-9-amd64' },
  })

  assert.deepEqual(
    facts.kernels.map(each => [each.version, each.initrd, each.hasModuleIndex]),
    [
      ['6.1.0-18-amd64', undefined, false],
      ['6.1.0-9-amd64', '/boot/initrd.img-6.1.0-9-amd64', true],
    ],
  )
  assert.equal(facts.defaultKernel?.version, '6.1.0-9-amd64')
})

test('unified kernels and those of kernel-install are found on the ESP', () => {
  const facts = detect({
    'lib/modules/6.9.1-1/modules.dep': '',
    'efi/EFI/Linux/arch-6.9.1-1.efi': '',
    'efi/abcdef/6.8.0-2/linux': '',
    'efi/abcdef/6.8.0-2/initrd': '',
  })

  assert.deepEqual(
    facts.kernels.map(each => [each.version, each.isUnified, each.initrd]),
    [
      ['6.9.1-1', true, undefined],
      ['6.8.0-2', false, '/efi/abcdef/6.8.0-2/initrd'],
    ],
  )
})

test('the architecture is that of the guest’s shell', () => {
  const header = (order: number, ...machine: number[]) =>
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, order, 1, ...Array(11).fill(0), ...machine])

  assert.equal(detect({ 'bin/sh': { link: 'bash' }, 'bin/bash': header(1, 62, 0) }).architecture, 'x86_64')
  assert.equal(architectureOfElf(header(1, 183, 0)), 'aarch64')
  assert.equal(architectureOfElf(header(1, 21, 0)), 'ppc64le')
  assert.equal(architectureOfElf(header(2, 0, 22)), 's390x')
  assert.equal(architectureOfElf(header(1, 3, 0)), 'i686')
  assert.equal(detect({ 'bin/sh': '#!/bin/dash is no program at all' }).architecture, undefined)
})

test('SELinux is on where a policy can be loaded, enforcing unless said otherwise', () => {
  const state = (config: string) => detect({ 'etc/selinux/config': config, 'usr/sbin/load_policy': '' }).selinux

  assert.deepEqual(state('# x\nSELINUX=permissive\nSELINUXTYPE=targeted \n'), { mode: 'permissive', policy: 'targeted' })
  assert.equal(state('SELINUX=disabled\n').mode, 'disabled')
  assert.equal(state('SELINUX=Enforcing\n').mode, 'enforcing')
  assert.equal(detect({ 'etc/selinux/config': 'SELINUX=enforcing\n' }).selinux.mode, 'absent')
})

test('image-based systems are told apart', () => {
  assert.equal(detect({ 'etc/os-release': 'ID=fedora\nVARIANT_ID=coreos\n', 'ostree/repo/config': '' }).imageBased?.kind, 'ostree')
  assert.equal(detect({ 'etc/os-release': 'ID=nixos\n' }).imageBased?.kind, 'nixos')
  assert.equal(detect({ 'etc/os-release': 'ID=flatcar\nID_LIKE=coreos\n' }).imageBased?.kind, 'flatcar')
  assert.equal(
    detect({ 'etc/os-release': 'ID=opensuse-microos\n', 'sbin/transactional-update': '' }).imageBased?.kind,
    'transactional-update',
  )
  assert.equal(detect({ 'etc/os-release': 'ID=opensuse-tumbleweed\n', 'sbin/transactional-update': '' }).imageBased, undefined)
})

test('the processor level follows the vendor’s build flags', () => {
  const level = (text: string) => detect({ 'etc/os-release': text }).cpuLevel

  assert.equal(level('ID=rocky\nVERSION_ID=9.4\n'), 2)
  assert.equal(level('ID=rhel\nVERSION_ID=10.0\n'), 3)
  assert.equal(level('ID=rhel\nVERSION_ID=8.10\n'), 1)
  assert.equal(level('ID=fedora\nVERSION_ID=41\n'), 1)
  assert.equal(level('ID=sles\nID_LIKE=suse\nVERSION_ID=16.0\n'), 2)
  assert.equal(level('ID=opensuse-tumbleweed\nVERSION_ID=20260101\n'), 1)
  assert.equal(level('ID=amzn\nVERSION_ID=2023\n'), 2)
})

test('hostile release files give short, printable names', () => {
  const facts = detect({ 'etc/os-release': `ID=x\nPRETTY_NAME="\u001b[2J${'a'.repeat(5000)}"\nVERSION_ID="${'9'.repeat(5000)}.1"\n` })

  assert.ok(facts.name.length <= 120)
  assert.equal(describeGuest(facts).includes('\u001b'), false)
  assert.deepEqual(facts.distribution?.versionParts, [])
})

test('a guest is described in lines that people can read', () => {
  const text = describeGuest(
    detect({ 'etc/os-release': 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n', 'boot/grub/grub.cfg': '' }, [
      ESP,
      BIOS_BOOT,
    ]),
  )

  assert.match(text, /^system: {7}Debian GNU\/Linux 12 \(bookworm\)$/m)
  assert.match(text, /^firmware: {5}BIOS, boots with both: there is a BIOS boot partition$/m)
  assert.match(text, /^boot loader: {2}grub2 \(\/boot\/grub\/grub.cfg\)$/m)
})
