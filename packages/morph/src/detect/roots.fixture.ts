import assert from 'node:assert/strict'
import type { PhonyFile } from '../tree/phony-guest.ts'
import { phonyGuest } from '../tree/phony-guest.ts'
import { detectGuest } from './detect.ts'

type Files = Record<string, PhonyFile>

/** A phony root, and what detection must say of it. */
export interface Case {
  readonly name: string
  readonly files: Files
  /** id, family, version, numbers of the version */
  readonly distribution: readonly [string, string, string, readonly number[]]
  readonly init: string
  readonly packages: string | undefined
  readonly initramfs: string
  readonly loaders?: readonly string[]
  readonly kernels?: readonly string[]
}

/** An ELF header, little endian, of that machine. */
export const elf = (machine: number): Buffer =>
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, ...Array(9).fill(0), 3, 0, machine & 255, machine >> 8])

export const kernel = (version: string, initrd: string): Files => ({
  [`boot/vmlinuz-${version}`]: 'MZ',
  [`boot/${initrd}`]: 'image',
  [`lib/modules/${version}/modules.dep`]: '',
})
export const merged: Files = { bin: { link: 'usr/bin' }, sbin: { link: 'usr/sbin' }, lib: { link: 'usr/lib' } }
export const systemd: Files = { 'usr/lib/systemd/systemd': 'elf', 'usr/sbin/init': { link: '../lib/systemd/systemd' } }
export const oldSystemd: Files = { 'lib/systemd/systemd': 'elf', 'sbin/init': { link: '/lib/systemd/systemd' } }
export const usrKernel = (version: string, initrd: string): Files => ({
  [`boot/vmlinuz-${version}`]: 'MZ',
  [`boot/${initrd}`]: 'image',
  [`usr/lib/modules/${version}/modules.dep`]: '',
})
export const apt: Files = { 'usr/bin/apt-get': 'elf', 'var/lib/dpkg/status': 'Package: base-files\nStatus: install ok installed\n\n' }
export const initramfsTools: Files = { 'usr/sbin/update-initramfs': '#!/bin/sh', 'etc/initramfs-tools/modules': '' }
export const debian = (id: string, pretty: string): string =>
  `PRETTY_NAME="Debian GNU/Linux ${pretty}"\nNAME="Debian GNU/Linux"\nVERSION_ID="${id}"\nVERSION="${pretty}"\nID=debian\nHOME_URL="https://www.debian.org/"\n`
export const redhat = (name: string, id: string, version: string): string =>
  `NAME="${name}"\nVERSION="${version} (X)"\nID="${id}"\nID_LIKE="rhel centos fedora"\nVERSION_ID="${version}"\nPRETTY_NAME="${name} ${version} (X)"\nCPE_NAME="cpe:/o:x"\n`
export const grub: Files = { 'boot/grub/grub.cfg': 'menuentry' }
export const grub2: Files = { 'boot/grub2/grub.cfg': 'insmod blscfg\nblscfg\n' }
export const bls: Files = { 'boot/loader/entries/abc-5.conf': 'title x\n' }
export const rpm = (...programs: string[]): Files => ({
  'var/lib/rpm/Packages': 'bdb',
  ...Object.fromEntries(programs.map(program => [`usr/bin/${program}`, 'elf'])),
})
export const dracut: Files = { 'usr/bin/dracut': '#!/bin/bash', 'usr/bin/mkinitrd': '#!/bin/bash' }

/** Detects that root and compares. */
export function checkCase(each: Case): void {
  const facts = detectGuest(phonyGuest(each.files), { partitions: [] })

  const found = facts.distribution
  assert.deepEqual([found?.id, found?.family, found?.version, found?.versionParts], each.distribution)
  assert.equal(facts.osType, 'linux')
  assert.equal(facts.init, each.init)
  assert.equal(facts.packageManager, each.packages)
  assert.equal(facts.initramfsTool, each.initramfs)
  if (each.loaders !== undefined) assert.deepEqual(loadersOf(facts), each.loaders)
  if (each.kernels === undefined) return
  assert.deepEqual(
    facts.kernels.map(kernel => kernel.version),
    each.kernels,
  )
  assert.equal(facts.defaultKernel?.hasModuleIndex, true)
}

function loadersOf({ bootLoaders }: ReturnType<typeof detectGuest>): string[] {
  return bootLoaders.map(({ kind, hasBlsEntries }) => (hasBlsEntries ? `${kind} bls` : kind))
}
