import assert from 'node:assert/strict'
import { copyFileSync, renameSync, rmSync, symlinkSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openNbd } from '@instar/machine'
import { SourceReader } from '../copy/source-reader.ts'
import { Lab, qemuImg } from '../replication.fixture.ts'
import { noteFiles, openPlainSource } from './plain-source.ts'
import { serveDisk, type ReadableDisk } from './readable-disk.ts'

const MIB = 1024 * 1024
const { signal } = new AbortController()

function diskOf({ source: path, format }: Lab): ReadableDisk {
  return { diskId: 'disk-1', content: { kind: 'images', chain: [{ path, format }] }, mayUseBitmaps: false }
}

test('all data of a plain image is read past QEMU', async () => {
  using lab = new Lab(8, 'qcow2')
  lab.write('write -q -P 1 0 2M', 'write -q -P 2 5M 1M')
  const disk = diskOf(lab)

  await using plain = await openPlainSource(disk, await noteFiles(disk), signal)

  const lengths = Array.from(plain?.stretches ?? []).flatMap((end, at, all) => (at % 4 === 1 ? [end - all[at - 1]!] : []))
  assert.deepEqual(
    lengths.reduce((sum, length) => sum + length, 0),
    3 * MIB,
  )
})

test('a file that was replaced, written to or became a link is left to QEMU', async () => {
  for (const harm of [
    (file: string) => renameSync(`${file}.copy`, file),
    (file: string) => truncateSync(file, 7 * MIB),
    (file: string) => {
      rmSync(file)
      symlinkSync(`${file}.copy`, file)
    },
  ]) {
    using lab = new Lab(8)
    lab.write('write -q -P 1 0 8M')
    copyFileSync(lab.source, `${lab.source}.copy`)
    const disk = diskOf(lab)
    const noted = await noteFiles(disk)
    harm(lab.source)

    assert.equal(await openPlainSource(disk, noted, signal), undefined)
  }
})

test('a read goes over the borders of stretches, and QEMU reads what the files do not give', async () => {
  using lab = new Lab(4)
  lab.write('write -q -P 1 0 1M', 'write -q -P 2 1M 1M', 'write -q -P 3 2M 1M', 'write -q -P 4 3M 1M')
  const disk = diskOf(lab)
  await using served = await serveDisk(disk, { signal })
  await using client = await openNbd(served.target, signal)
  await using plain = await openPlainSource(disk, await noteFiles(disk), signal)
  const fd = plain?.fds[0] ?? assert.fail('nothing is plain')
  // The second names a place beyond the end of the file, and no file is open for the last: both are QEMU's.
  const stretches = [0, MIB, 0, 0, MIB, 2 * MIB, 0, 3.5 * MIB, 3 * MIB, 4 * MIB, 1, 0]
  const reader = new SourceReader(client, { fds: [fd, -1], stretches: Float64Array.from(stretches) })
  const target = Buffer.alloc(3 * MIB)

  await reader.read(MIB / 2, target)

  // What a file gives is taken as it is told: here the half that the wrong place of the second stretch holds.
  const at = (offset: number) => target[offset - MIB / 2]
  assert.deepEqual([at(MIB / 2), at(MIB), at(1.5 * MIB), at(2 * MIB), at(3 * MIB), at(3.5 * MIB - 1)], [1, 4, 2, 3, 4, 4])
})

test('a copy of a chain takes each part from where it is: compressed, plain, and below', async () => {
  using lab = new Lab(16, 'qcow2')
  const [base, middle] = [join(lab.folder, 'base.raw'), join(lab.folder, 'middle.qcow2')]
  lab.write('write -q -P 3 0 6M', 'write -q -P 4 9M 700k')
  qemuImg('convert', '-O', 'raw', lab.source, base)
  qemuImg('resize', '-q', '--shrink', '-f', 'raw', base, `${12 * MIB + 512}`)
  rmSync(lab.source)
  qemuImg('create', '-q', '-f', 'qcow2', '-b', base, '-F', 'raw', middle, '16M')
  qemuImg('create', '-q', '-f', 'qcow2', '-b', middle, '-F', 'qcow2', lab.source)
  lab.write('write -q -c -P 5 1M 64k', 'write -q -P 6 3M 100k', 'write -q -z 4M 1M', 'write -q -P 7 15M 1M')

  const generation = await lab.run({ verify: true })

  assert.ok(lab.isSame(1))
  assert.ok(generation.read_bytes < 8 * MIB, `${generation.read_bytes} bytes read`)
})
