import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { qemuImg, signal, temporaryFolder, writeDisk } from '../images/images.fixture.ts'
import { openNbd } from './nbd-client.ts'
import { ALLOCATION, serveImage } from './serve-image.ts'

const MIB = 1024 * 1024

test('reads what QEMU serves, several pieces at once, and tells holes', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'disk.raw')
  writeDisk(file, 8)
  qemuImg('convert', '-O', 'qcow2', file, `${file}.qcow2`)
  await using served = await serveImage({ node: { driver: 'qcow2', file: { driver: 'file', filename: `${file}.qcow2` } }, signal })
  await using client = await openNbd(served.target, signal)
  const [first, second] = [Buffer.alloc(MIB), Buffer.alloc(3 * MIB)]

  await Promise.all([client.read(MIB, first), client.read(2 * MIB, second)])
  const holes = []
  for await (const { offset, lengthBytes, flags } of client.status(ALLOCATION, 0, 8 * MIB))
    if ((flags & 2) !== 0) holes.push([offset, lengthBytes])

  assert.equal(client.sizeBytes, 8 * MIB)
  assert.ok(first.every(byte => byte === 7))
  assert.deepEqual([second[0], second[MIB], second[2 * MIB]], [14, 0, 28])
  assert.deepEqual(holes, [
    [3 * MIB, MIB],
    [7 * MIB, MIB],
  ])
})

test('a server that is not there, or has no such export, is told apart', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'disk.raw')
  writeDisk(file, 1)
  await using served = await serveImage({ node: { driver: 'raw', file: { driver: 'file', filename: file } }, signal })

  await assert.rejects(openNbd({ ...served.target, exportName: 'other' }, signal), { code: 'nbd.refused' })
  await assert.rejects(openNbd({ address: { socketPath: join(folder.path, 'none') }, exportName: '' }, signal), { code: 'nbd.lost' })
  await assert.rejects(serveImage({ node: { driver: 'qcow2', file: { driver: 'file', filename: file } }, signal }), {
    message: /disk\.raw/,
  })
})

test('a server that dies fails every read that waits', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'disk.raw')
  writeDisk(file, 1)
  const served = await serveImage({ node: { driver: 'raw', file: { driver: 'file', filename: file } }, signal })
  await using client = await openNbd(served.target, signal)
  await served[Symbol.asyncDispose]()

  await assert.rejects(client.read(0, Buffer.alloc(512)), { code: 'nbd.lost' })
  await assert.rejects(client.read(0, Buffer.alloc(512)), { code: 'nbd.lost' })
})

const replies: Readonly<Record<string, (handle: Buffer) => Buffer>> = {
  'data beyond what was asked for': handle => structured(handle, 1, Buffer.concat([u64(1024), Buffer.alloc(16)])),
  'an answer to nothing': () => structured(u64(99), 0, Buffer.alloc(0)),
  'less than was asked for': handle => structured(handle, 1, Buffer.concat([u64(0), Buffer.alloc(16)])),
  'a hole of a wrong length': handle => structured(handle, 2, Buffer.concat([u64(0), u32(4096)])),
  'a payload without end': handle => structured(handle, 5, Buffer.alloc(0), 0xff_ff_ff_ff),
  'something else': () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
}

for (const [what, answer] of Object.entries(replies)) {
  test(`a server that sends ${what} is left`, async () => {
    using folder = temporaryFolder()
    await using server = await hostileServer(join(folder.path, 'nbd'), answer)
    await using client = await openNbd({ address: { socketPath: server.path }, exportName: '' }, signal)

    await assert.rejects(client.read(0, Buffer.alloc(512)), { code: 'nbd.lost' })
  })
}

test('an error of the disk fails its read alone', async () => {
  using folder = temporaryFolder()
  const error = (handle: Buffer) => structured(handle, 0x80_01, Buffer.concat([u32(5), Buffer.from([0, 3]), Buffer.from('bad')]))
  await using server = await hostileServer(join(folder.path, 'nbd'), error)
  await using client = await openNbd({ address: { socketPath: server.path }, exportName: '' }, signal)

  await assert.rejects(client.read(0, Buffer.alloc(512)), { code: 'nbd.failed', message: /5: bad/ })
})

/** Shakes hands as it should and answers every request by `answer`. */
async function hostileServer(path: string, answer: (handle: Buffer) => Buffer) {
  const sockets: Socket[] = []
  const server = createServer(socket => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.write(Buffer.concat([Buffer.from('NBDMAGICIHAVEOPT'), Buffer.from([0, 3])]))
    let bytes = Buffer.alloc(0)
    let step = 0
    socket.on('data', piece => {
      bytes = Buffer.concat([bytes, piece])
      // Flags of the client, the option for structured replies, the option to go, then requests.
      const lengths = [4, 16, 22]
      for (let length = lengths[step] ?? 28; bytes.length >= length; length = lengths[step] ?? 28) {
        const taken = bytes.subarray(0, length)
        bytes = bytes.subarray(length)
        if (step === 1) socket.write(optionReply(8, 1, Buffer.alloc(0)))
        if (step === 2)
          socket.write(
            Buffer.concat([
              optionReply(7, 3, Buffer.concat([Buffer.alloc(2), u64(4096), Buffer.alloc(2)])),
              optionReply(7, 1, Buffer.alloc(0)),
            ]),
          )
        if (step > 2) socket.write(answer(taken.subarray(8, 16)))
        step += 1
      }
    })
  })
  await new Promise<void>(resolve => server.listen(path, resolve))
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function optionReply(option: number, type: number, data: Buffer): Buffer {
  return Buffer.concat([u64(0x3_e8_89_04_55_65_a9), u32(option), u32(type), u32(data.length), data])
}

function structured(handle: Buffer, type: number, payload: Buffer, length = payload.length): Buffer {
  return Buffer.concat([u32(0x66_8e_33_ef), Buffer.from([0, 1, type >> 8, type & 255]), handle, u32(length), payload])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}
