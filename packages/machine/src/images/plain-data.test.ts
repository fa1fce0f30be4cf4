import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ImageLink } from './block-node.ts'
import { qemuImg, signal, temporaryFolder, writeDisk, writeThrough } from './images.fixture.ts'
import { findPlainData } from './plain-data.ts'
import { STRETCH_NUMBERS, type PlainData } from './stretches.ts'

const MIB = 1024 * 1024

/** Puts the stretches over zeros: all of a guest's data that lies in the files as it is. */
function assemble({ files, stretches }: PlainData, bytes: number): Buffer {
  const disk = Buffer.alloc(bytes)
  for (let at = 0; at < stretches.length; at += STRETCH_NUMBERS) {
    const [begin = 0, end = 0, file = 0, offset = 0] = stretches.slice(at, at + STRETCH_NUMBERS)
    readFileSync(files[file]!).copy(disk, begin, offset, offset + end - begin)
  }
  return disk
}

async function findIn(chain: readonly ImageLink[]): Promise<PlainData> {
  return (await findPlainData(chain, signal)) ?? assert.fail('QEMU told nothing')
}

test('the data of a raw and of a qcow2 disk is found where it lies', async () => {
  using folder = temporaryFolder()
  const raw = join(folder.path, 'disk.raw')
  writeDisk(raw, 8)
  qemuImg('convert', '-O', 'qcow2', raw, `${raw}.qcow2`)

  for (const link of [
    { path: raw, format: 'raw' },
    { path: `${raw}.qcow2`, format: 'qcow2' },
  ] as const)
    assert.ok(assemble(await findIn([link]), 8 * MIB).equals(readFileSync(raw)), link.format)
})

test('of a chain each file has its part, also one that holds data for another', async () => {
  using folder = temporaryFolder()
  const [base, top] = [join(folder.path, 'base.raw'), join(folder.path, 'top.qcow2')]
  writeDisk(base, 8)
  qemuImg('create', '-q', '-f', 'qcow2', '-o', `data_file=${folder.path}/top.data`, '-b', base, '-F', 'raw', top)
  writeThrough(top, 'write -q -P 99 2M 64k', 'write -q -z 5M 1M')
  const expected = readFileSync(base)
    .fill(99, 2 * MIB, 2 * MIB + 64 * 1024)
    .fill(0, 5 * MIB, 6 * MIB)

  const found = await findIn([
    { path: top, format: 'qcow2', dataFile: `${folder.path}/top.data` },
    { path: base, format: 'raw' },
  ])

  assert.deepEqual(found.files, [`${folder.path}/top.data`, base])
  assert.ok(assemble(found, 8 * MIB).equals(expected))
})

test('compressed and encrypted data is not named, and a chain of another format not at all', async () => {
  using folder = temporaryFolder()
  const raw = join(folder.path, 'disk.raw')
  writeDisk(raw, 2)
  qemuImg('convert', '-c', '-O', 'qcow2', raw, `${raw}.c`)
  const key = ['--object', 'secret,id=key,data=key', '-o', 'encrypt.format=aes,encrypt.key-secret=key']
  qemuImg('convert', '-O', 'qcow2', ...key, raw, `${raw}.e`)
  qemuImg('convert', '-O', 'vmdk', raw, `${raw}.vmdk`)

  assert.deepEqual((await findIn([{ path: `${raw}.c`, format: 'qcow2' }])).stretches, [])
  assert.equal(await findPlainData([{ path: `${raw}.e`, format: 'qcow2' }], signal), undefined)
  assert.equal(await findPlainData([{ path: `${raw}.vmdk`, format: 'vmdk' }], signal), undefined)
})
