import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { readChain } from '../../../packages/machine/src/images/chain.ts'
import { parseJournal } from '../../../packages/machine/src/images/commit-journal.ts'
import { listKeptLayers } from '../../../packages/machine/src/images/kept-layers.ts'
import { formatOwner, ownerOfTemporary, parseOwner, thisOwner } from '../../../packages/machine/src/images/owner.ts'
import { parseQcow2Header } from '../../../packages/machine/src/images/qcow2-header.ts'
import { allowedPlaces } from '../../../packages/machine/src/images/reference.ts'
import { requireWholeVdi, requireWholeVhd } from '../../../packages/machine/src/images/vhd-header.ts'
import { sweepLayers } from '../../../packages/machine/src/images/sweep.ts'
import { parseVmdkDescriptor, readVmdkReferences } from '../../../packages/machine/src/images/vmdk-header.ts'
import { type FuzzTarget, textTarget } from '../target.ts'

/** Version 3, clusters of 64 KiB, 8 MiB, with a backing file "base.raw" and its format. */
export function qcow2Header(backing = 'base.raw'): Buffer {
  const bytes = Buffer.alloc(4096)
  bytes.write('QFI\xfb', 0, 'latin1')
  bytes.writeUInt32BE(3, 4)
  if (backing !== '') bytes.writeBigUInt64BE(512n, 8)
  bytes.writeUInt32BE(backing.length, 16)
  bytes.writeUInt32BE(16, 20)
  bytes.writeBigUInt64BE(8n * 1024n * 1024n, 24)
  bytes.writeUInt32BE(1, 36)
  bytes.writeBigUInt64BE(196_608n, 40)
  bytes.writeBigUInt64BE(65_536n, 48)
  bytes.writeUInt32BE(1, 56)
  bytes.writeUInt32BE(4, 96)
  bytes.writeUInt32BE(104, 100)
  if (backing !== '') {
    bytes.writeUInt32BE(0xe2_79_2a_ca, 104)
    bytes.writeUInt32BE(3, 108)
    bytes.write('raw', 112)
    bytes.write(backing, 512)
  }
  return bytes
}

const DESCRIPTOR = `# Disk DescriptorFile
version=1
CID=fffffffe
parentCID=ffffffff
createType="twoGbMaxExtentFlat"

RW 4192256 FLAT "base.raw" 0
RW 2101248 SPARSE "extent.vmdk"
ddb.adapterType = "lsilogic"
`

function vmdkSparse(hasParent = true): Buffer {
  const bytes = Buffer.alloc(4096)
  bytes.write('KDMV', 0)
  bytes.writeUInt32LE(1, 4)
  bytes.writeUInt32LE(3, 8)
  bytes.writeBigUInt64LE(16_384n, 12)
  bytes.writeBigUInt64LE(128n, 20)
  bytes.writeBigUInt64LE(1n, 28)
  bytes.writeBigUInt64LE(20n, 36)
  const parent = 'parentCID=12345678\nparentFileNameHint="extent.vmdk"'
  bytes.write(hasParent ? DESCRIPTOR.replace('parentCID=ffffffff', parent) : DESCRIPTOR, 512)
  return bytes
}

function vdi(): Buffer {
  const bytes = Buffer.alloc(1024)
  bytes.write('<<< QEMU VM Virtual Disk Image >>>\n', 0)
  bytes.writeUInt32LE(0xbe_da_10_7f, 0x40)
  bytes.writeUInt32LE(1, 0x4c)
  bytes.writeUInt32LE(512, 0x1_58)
  return bytes
}

function vhd(): Buffer {
  const footer = Buffer.alloc(512)
  footer.write('conectix', 0)
  footer.writeUInt32BE(3, 60)
  return Buffer.concat([footer, Buffer.alloc(1024), footer])
}

const JOURNAL = `${JSON.stringify({
  version: 1,
  run_id: '20260101-000000-abcd',
  state: 'committing',
  begun_at: '2026-01-01T00:00:00.000Z',
  images: [
    {
      path: '/srv/a.qcow2',
      format: 'qcow2',
      virtual_bytes_before: 1_048_576,
      virtual_bytes_after: 1_048_576,
      allow_backing: ['/srv/base.raw'],
      layer: '/srv/.instar-layers/layer-1-2-3-0123abcd-abcdef/layer.qcow2',
      layer_bytes: 65_536,
      layer_head_sha256: 'a'.repeat(64),
      samples: [{ at: 0, bytes: 4096, sha256: 'b'.repeat(64) }],
    },
  ],
})}\n`

const KEEP = JSON.stringify({
  version: 1,
  run_id: '20260101-000000-abcd',
  reason: 'error',
  kept_at: '2026-01-01T00:00:00.000Z',
  order: 0,
  image: {
    path: '/srv/a.qcow2',
    format: 'qcow2',
    virtual_bytes: 1,
    identity: { inode: '1', sizeBytes: 1, modifiedNs: '1' },
    allow_backing: [],
  },
  layer_virtual_bytes: 1,
})

/** Lays the input out as an image beside files that it may name, and one outside that it may not. */
async function readWholeChain(input: Buffer, folder: string): Promise<void> {
  const inside = join(folder, 'images')
  mkdirSync(inside, { recursive: true })
  const image = join(inside, 'image')
  writeFileSync(image, input)
  writeFileSync(join(inside, 'base.raw'), Buffer.alloc(1024))
  writeFileSync(join(inside, 'extent.vmdk'), vmdkSparse(false))
  writeFileSync(join(folder, 'outside'), 'secret')
  const { links, extents } = await readChain(image, undefined, await allowedPlaces([inside]))
  for (const path of [...links.flatMap(link => [link.path, link.dataFile ?? link.path]), ...extents])
    assert.ok(path.startsWith(inside + sep), `${path} is outside of what is allowed`)
}

export const imageTargets: readonly FuzzTarget[] = [
  {
    name: 'image-chain',
    samples: [
      qcow2Header(),
      qcow2Header(''),
      qcow2Header('../outside'),
      vmdkSparse(),
      Buffer.from(DESCRIPTOR),
      vdi(),
      vhd(),
      Buffer.from('vhdxfile'),
    ],
    run: (input, { folder }) => readWholeChain(input, folder),
  },
  { name: 'qcow2-header', samples: [qcow2Header(), qcow2Header('')], run: input => parseQcow2Header(input) },
  { name: 'vmdk-header', samples: [vmdkSparse(), Buffer.from(DESCRIPTOR)], run: input => readVmdkReferences(input) },
  textTarget('vmdk-descriptor', [DESCRIPTOR], text => parseVmdkDescriptor(text)),
  {
    name: 'vhd-and-vdi-header',
    samples: [vhd(), vdi()],
    run: (input, { sample }) =>
      sample === 0 ? requireWholeVhd(input.subarray(0, 512), input.subarray(-512)) : requireWholeVdi(input, input.length),
  },
  textTarget('commit-journal', [JOURNAL], text => parseJournal(text, '/srv/a.qcow2.instar-commit')),
  {
    name: 'keep-record',
    samples: [Buffer.from(KEEP)],
    run: async (input, { folder }) => {
      const directory = join(folder, 'layers', `layer-${formatOwner({ ...thisOwner(), startTicks: '1' })}-abcdef`)
      rmSync(directory, { recursive: true, force: true })
      mkdirSync(directory, { recursive: true })
      writeFileSync(join(directory, 'keep.json'), input)
      await listKeptLayers([join(folder, 'layers')], { path: '/srv/a.qcow2' })
      await sweepLayers(join(folder, 'layers'))
    },
  },
  textTarget('owner', [formatOwner(thisOwner()), `.instar-${formatOwner(thisOwner())}-abcd.tmp`], text => [
    parseOwner(text),
    ownerOfTemporary(text),
  ]),
]
