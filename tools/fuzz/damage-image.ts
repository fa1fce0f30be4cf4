import { execFileSync } from 'node:child_process'
import { closeSync, copyFileSync, openSync, readSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { mutate } from './mutate.ts'
import type { Random } from './random.ts'

/** A guest laid out as raw disk, so that places on it can be read; copies are layers on its image. */
export interface Guest {
  readonly variant: string
  /** The image from the cache. */
  readonly image: string
  /** The same as a raw disk, never written to. */
  readonly raw: string
  /** Where its ext4 with /etc, or its LUKS container, begins. */
  readonly partitionAt: number
}

/** What was damaged, in a word, and the image to look at. */
export interface Damaged {
  readonly what: string
  readonly file: string
}

interface Place {
  readonly at: number
  readonly length: number
}

type Damage = (guest: Guest, file: string, random: Random) => string

const SECTOR = 512
const BLOCK = 4096
/** Files that decide what a check finds. */
const FILES = [
  '/etc/fstab',
  '/usr/lib/os-release',
  '/boot/grub/grub.cfg',
  '/etc/network/interfaces',
  '/var/lib/dpkg/status',
  '/etc/default/grub',
  '/etc/passwd',
  '/boot/grub/i386-pc/core.img',
]

const PLAIN: readonly Damage[] = [
  damageTable,
  damageSuperblock,
  damageMetadata,
  damageFile,
  damageFile,
  damageQcow2,
  cutShort,
  damageAnywhere,
]
const ENCRYPTED: readonly Damage[] = [damageTable, damageLuksHeader, damageLuksHeader, damageQcow2]

/** Makes a damaged copy in `folder`: of a partition table, a superblock, metadata, a file's content, a LUKS header, or the image file itself. */
export function damageImage(guest: Guest, folder: string, random: Random): Damaged {
  const file = join(folder, 'damaged.qcow2')
  const damage = random.pick(guest.variant === 'luks' ? ENCRYPTED : PLAIN)
  return { what: `${guest.variant}: ${damage(guest, file, random)}`, file }
}

function damageTable(guest: Guest, file: string, random: Random): string {
  const endAt = Number(execFileSync('stat', ['-c', '%s', guest.raw])) - 33 * SECTOR
  const place = random.pick([
    { at: 0, length: SECTOR },
    { at: SECTOR, length: 33 * SECTOR },
    { at: endAt, length: 33 * SECTOR },
  ])
  return overlay({ guest, file, random, places: [place] }, 'partition table')
}

function damageSuperblock(guest: Guest, file: string, random: Random): string {
  return overlay({ guest, file, random, places: [{ at: guest.partitionAt + 1024, length: 1024 }] }, 'superblock')
}

/** Group descriptors, bitmaps and inode tables lie in the first blocks of a group. */
function damageMetadata(guest: Guest, file: string, random: Random): string {
  const places = Array.from({ length: 8 }, () => ({ at: guest.partitionAt + BLOCK * (1 + random.below(1500)), length: BLOCK }))
  return overlay({ guest, file, random, places }, 'metadata of the file system')
}

function damageFile(guest: Guest, file: string, random: Random): string {
  const path = random.pick(FILES)
  const blocks = execFileSync('debugfs', ['-R', `blocks ${path}`, `${guest.raw}?offset=${guest.partitionAt}`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const numbers = blocks.trim().split(/\s+/).filter(Boolean).map(Number)
  const places = numbers.slice(0, 4).map(number => ({ at: guest.partitionAt + number * BLOCK, length: BLOCK }))
  return overlay({ guest, file, random, places }, path)
}

function damageLuksHeader(guest: Guest, file: string, random: Random): string {
  const places = [
    { at: guest.partitionAt, length: BLOCK },
    ...(random.chance(0.7) ? [{ at: guest.partitionAt + 16_384, length: BLOCK }] : []),
  ]
  return overlay({ guest, file, random, places }, 'LUKS header')
}

function damageAnywhere(guest: Guest, file: string, random: Random): string {
  const places = Array.from({ length: 100 }, () => ({ at: guest.partitionAt + BLOCK * random.below(100_000), length: BLOCK }))
  return overlay({ guest, file, random, places }, 'a hundred blocks')
}

/** The image's own tables: header, refcounts, L1 and L2. */
function damageQcow2(guest: Guest, file: string, random: Random): string {
  copyFileSync(guest.image, file)
  const at = random.chance(0.5) ? 0 : random.below(6) * 65_536
  const before = readBytes(file, { at, length: 1024 })
  write(file, at, mutate(before, [before], random).subarray(0, 1024))
  return `qcow2 at ${at}`
}

function cutShort(guest: Guest, file: string, random: Random): string {
  copyFileSync(guest.image, file)
  const { length } = random.pick([{ length: 100 }, { length: 70_000 }, { length: 1_000_000 }, { length: 100_000_000 }])
  truncateSync(file, length)
  return `cut to ${length} bytes`
}

/** A layer on the guest's image in which these places hold mutations of what they held. */
function overlay(
  { guest, file, random, places }: { guest: Guest; file: string; random: Random; places: readonly Place[] },
  what: string,
): string {
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', guest.image, '-F', 'qcow2', file])
  const commands = places.flatMap((place, index) => {
    const before = readBytes(guest.raw, place)
    const bytes = Buffer.alloc(place.length)
    mutate(before, [before], random).copy(bytes)
    const patch = `${file}.${index}`
    writeFileSync(patch, bytes)
    return ['-c', `write -q -s ${patch} ${place.at} ${place.length}`]
  })
  if (commands.length > 0) execFileSync('qemu-io', ['-f', 'qcow2', ...commands, file], { stdio: 'ignore' })
  return what
}

/** Gives fewer bytes at the end of the file. */
export function readBytes(file: string, { at, length }: Place): Buffer {
  const handle = openSync(file, 'r')
  try {
    const bytes = Buffer.alloc(length)
    return bytes.subarray(0, readSync(handle, bytes, 0, length, at))
  } finally {
    closeSync(handle)
  }
}

function write(file: string, at: number, bytes: Buffer): void {
  const handle = openSync(file, 'r+')
  try {
    writeSync(handle, bytes, 0, bytes.length, at)
  } finally {
    closeSync(handle)
  }
}
