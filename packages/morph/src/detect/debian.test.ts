import { test } from 'node:test'
import type { Case } from './roots.fixture.ts'
import { apt, debian, dracut, elf, grub, initramfsTools, kernel, merged, oldSystemd, systemd, checkCase } from './roots.fixture.ts'

const CASES: readonly Case[] = [
  ...(
    [
      ['8', '8 (jessie)', '8.11', [8, 11]],
      ['9', '9 (stretch)', '9.13', [9, 13]],
      ['10', '10 (buster)', '10.13', [10, 13]],
      ['11', '11 (bullseye)', '11.9', [11, 9]],
    ] as const
  ).map(([id, pretty, exact, numbers]): Case => ({
    name: `Debian ${id}`,
    files: {
      ...oldSystemd,
      ...apt,
      ...initramfsTools,
      ...grub,
      'etc/os-release': { link: '../usr/lib/os-release' },
      'usr/lib/os-release': debian(id, pretty),
      'etc/debian_version': `${exact}\n`,
      ...kernel('5.10.0-28-amd64', 'initrd.img-5.10.0-28-amd64'),
    },
    distribution: ['debian', 'debian', exact, numbers],
    init: 'systemd',
    packages: 'apt',
    initramfs: 'initramfs-tools',
    loaders: ['grub2'],
    kernels: ['5.10.0-28-amd64'],
  })),
  {
    name: 'Debian 12',
    files: {
      ...merged,
      ...systemd,
      ...apt,
      ...initramfsTools,
      ...grub,
      'etc/os-release': debian('12', '12 (bookworm)'),
      'etc/debian_version': '12.5\n',
    },
    distribution: ['debian', 'debian', '12.5', [12, 5]],
    init: 'systemd',
    packages: 'apt',
    initramfs: 'initramfs-tools',
    loaders: ['grub2'],
  },
  {
    name: 'Debian 13 with dracut and its wrapper',
    files: {
      ...merged,
      ...systemd,
      ...apt,
      ...dracut,
      'usr/sbin/update-initramfs': '#!/bin/sh',
      'etc/os-release': debian('13', '13 (trixie)'),
      'etc/debian_version': '13.1\n',
    },
    distribution: ['debian', 'debian', '13.1', [13, 1]],
    init: 'systemd',
    packages: 'apt',
    initramfs: 'dracut',
  },
  {
    name: 'Debian sid, which has no VERSION_ID',
    files: {
      ...merged,
      ...systemd,
      ...apt,
      ...initramfsTools,
      ...dracut,
      'var/lib/dpkg/status':
        'Package: dracut\nStatus: deinstall ok config-files\n\nPackage: initramfs-tools\nPriority: optional\nStatus: install ok installed\n\n',
      'etc/os-release': 'PRETTY_NAME="Debian GNU/Linux forky/sid"\nNAME="Debian GNU/Linux"\nVERSION_CODENAME=forky\nID=debian\n',
      'etc/debian_version': 'forky/sid\n',
    },
    distribution: ['debian', 'debian', 'forky/sid', []],
    init: 'systemd',
    packages: 'apt',
    initramfs: 'initramfs-tools',
  },
  {
    name: 'Debian 7 with systemd installed but booting with sysvinit',
    files: {
      ...apt,
      ...initramfsTools,
      'etc/debian_version': '7.11\n',
      'lib/systemd/system/a.service': '',
      'sbin/init': elf(62),
      'etc/inittab': 'id:2:initdefault:\n',
    },
    distribution: ['debian', 'debian', '7.11', [7, 11]],
    init: 'sysvinit',
    packages: 'apt',
    initramfs: 'initramfs-tools',
  },
  {
    name: 'Ubuntu 22.04 without lsb-release, which has a debian_version',
    files: {
      ...merged,
      ...systemd,
      ...apt,
      ...initramfsTools,
      ...grub,
      'etc/debian_version': 'bookworm/sid\n',
      'etc/os-release':
        'PRETTY_NAME="Ubuntu 22.04.4 LTS"\nNAME="Ubuntu"\nVERSION_ID="22.04"\nVERSION="22.04.4 LTS (Jammy Jellyfish)"\nID=ubuntu\nID_LIKE=debian\n',
    },
    distribution: ['ubuntu', 'debian', '22.04', [22, 4]],
    init: 'systemd',
    packages: 'apt',
    initramfs: 'initramfs-tools',
  },
  {
    name: 'Ubuntu 14.04, upstart beside a folder of systemd units',
    files: {
      ...apt,
      ...initramfsTools,
      'sbin/init': elf(62),
      'sbin/initctl': elf(62),
      'etc/init/rc.conf': 'start on',
      'lib/systemd/system/a.service': '',
      'etc/os-release':
        'NAME="Ubuntu"\nVERSION="14.04.6 LTS, Trusty Tahr"\nID=ubuntu\nID_LIKE=debian\nPRETTY_NAME="Ubuntu 14.04.6 LTS"\nVERSION_ID="14.04"\n',
    },
    distribution: ['ubuntu', 'debian', '14.04', [14, 4]],
    init: 'upstart',
    packages: 'apt',
    initramfs: 'initramfs-tools',
  },
  {
    name: 'Ubuntu 16.04 with leftovers of upstart',
    files: {
      ...oldSystemd,
      ...apt,
      ...initramfsTools,
      'etc/init/rc.conf': 'start on',
      'sbin/initctl': '',
      'etc/os-release': 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nPRETTY_NAME="Ubuntu 16.04.7 LTS"\nVERSION_ID="16.04"\n',
    },
    distribution: ['ubuntu', 'debian', '16.04', [16, 4]],
    init: 'systemd',
    packages: 'apt',
    initramfs: 'initramfs-tools',
  },
  {
    name: 'an old Ubuntu with lsb-release only',
    files: {
      ...apt,
      'etc/lsb-release': 'DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=10.04\nDISTRIB_DESCRIPTION="Ubuntu 10.04.4 LTS"\n',
      'etc/debian_version': 'squeeze/sid\n',
    },
    distribution: ['ubuntu', 'debian', '10.04', [10, 4]],
    init: 'unknown',
    packages: 'apt',
    initramfs: 'none',
  },
  {
    name: 'Linux Mint',
    files: {
      ...merged,
      ...systemd,
      ...apt,
      'etc/os-release': 'NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_ID="21.3"\nPRETTY_NAME="Linux Mint 21.3"\n',
    },
    distribution: ['linuxmint', 'debian', '21.3', [21, 3]],
    init: 'systemd',
    packages: 'apt',
    initramfs: 'none',
  },
]

for (const each of CASES) test(`recognises ${each.name}`, () => checkCase(each))
