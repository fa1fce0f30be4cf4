import assert from 'node:assert/strict'
import { duplexPair } from 'node:stream'
import { test } from 'node:test'
import type { InstarError } from '@instar/contract'
import { Channel } from './channel.ts'
import { FrameDecoder, encodeFrame } from './frames.ts'
import { FROM_AGENT, GREETING } from './messages.ts'
import { runCommand } from './run-command.ts'

const signal = AbortSignal.timeout(10_000)

/** A channel whose other end the test plays: `answer` gets each frame that the host sends. */
function openFake(answer: (frame: { type: number; id: number; payload: Buffer }, send: (bytes: Buffer) => void) => void) {
  const [host, agent] = duplexPair()
  const channel = new Channel(host)
  const decoder = new FrameDecoder([1, 2, 3, 4, 5, 6, 7])
  agent.on('data', (bytes: Buffer) => {
    for (const frame of decoder.push(bytes)) answer(frame, piece => agent.write(piece))
  })
  return { channel, send: (bytes: Buffer) => agent.write(bytes) }
}

function exit(id: number, code: number, signalNumber = 0): Buffer {
  const payload = Buffer.alloc(8)
  payload.writeUInt32LE(code, 0)
  payload.writeUInt32LE(signalNumber, 4)
  return encodeFrame(FROM_AGENT.exit, id, payload)
}

function isLostBecause(words: RegExp) {
  return (error: InstarError) => error.code === 'machine.lost' && words.test(String(error.cause))
}

test('is ready at the greeting and refuses another one', async () => {
  const good = openFake(() => {})
  const bad = openFake(() => {})

  good.send(encodeFrame(FROM_AGENT.hello, 0, Buffer.from(GREETING)))
  bad.send(encodeFrame(FROM_AGENT.hello, 0, Buffer.from('INSTAR-AGENT 2')))

  await good.channel.ready
  await assert.rejects(bad.channel.ready, isLostBecause(/INSTAR-AGENT 2/))
})

test('garbage ends what waits with a clear error, and what comes later', async () => {
  const { channel } = openFake((_, send) => send(Buffer.from('Kernel panic - not syncing')))

  await assert.rejects(runCommand(channel, ['true'], { signal }), isLostBecause(/type 101/))
  await assert.rejects(runCommand(channel, ['true'], { signal }), { code: 'machine.lost' })
})

test('a command that ends by a signal has no exit code', async () => {
  const { channel } = openFake((frame, send) => send(exit(frame.id, 0, 9)))

  const result = await runCommand(channel, ['sleep', '9'], { signal })

  assert.deepEqual([result.exitCode, result.signal], [null, 'SIGKILL'])
})

test('a cancelled command is ended and its caller gets the reason of the signal', async () => {
  const cancel = new AbortController()
  const seen: number[] = []
  const { channel } = openFake((frame, send) => {
    seen.push(frame.type)
    if (frame.type === 1) cancel.abort(new Error('enough'))
    if (frame.type === 5) send(exit(frame.id, 0, 9))
  })

  await assert.rejects(runCommand(channel, ['sleep', '9'], { signal: cancel.signal }), { message: 'enough' })
  assert.deepEqual(seen, [1, 5])
})

test('more output than asked for ends the command', async () => {
  const { channel } = openFake((frame, send) => {
    if (frame.type === 1) send(encodeFrame(FROM_AGENT.stdout, frame.id, Buffer.from('12345678')))
    if (frame.type === 5) send(exit(frame.id, 0, 9))
  })

  await assert.rejects(runCommand(channel, ['yes'], { signal, captureBytes: 7 }), { code: 'machine.too-much-output' })
})

test('an end that cannot be read loses the channel, and its own command hears of it', async () => {
  const { channel } = openFake((frame, send) => {
    if (frame.type === 1) send(encodeFrame(FROM_AGENT.exit, frame.id, Buffer.from('short')))
  })

  await assert.rejects(
    runCommand(channel, ['true'], { signal }),
    (error: InstarError) => error.code === 'machine.lost' && /an exit of 5 bytes/.test(String(error.cause)),
  )
})

test('stdin goes no further than the agent grants', async () => {
  let received = 0
  const ended = Promise.withResolvers<void>()
  const { channel, send } = openFake(frame => {
    if (frame.type === 2) received += frame.payload.length
    if (frame.type === 3) ended.resolve()
  })
  const command = runCommand(channel, ['cat'], { signal, stdin: Buffer.alloc(3 * 1024 * 1024) })
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  const receivedBefore = received

  const credit = Buffer.alloc(4)
  credit.writeUInt32LE(2 * 1024 * 1024)
  send(encodeFrame(FROM_AGENT.stdinCredit, 1, credit))
  await ended.promise
  send(exit(1, 0))
  await command

  assert.deepEqual([receivedBefore, received], [1024 * 1024, 3 * 1024 * 1024])
})

test('refuses words that no system takes', async () => {
  const { channel } = openFake(() => {})

  await assert.rejects(runCommand(channel, ['echo', 'a\0b'], { signal }), { code: 'machine.bad-request' })
  await assert.rejects(runCommand(channel, [], { signal }), { code: 'machine.bad-request' })
  await assert.rejects(runCommand(channel, ['env'], { signal, env: { 'A=B': 'c' } }), { code: 'machine.bad-request' })
})
