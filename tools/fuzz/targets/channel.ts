import { Duplex } from 'node:stream'
import { Channel } from '../../../packages/machine/src/appliance/channel/channel.ts'
import { FrameDecoder, encodeFrame, encodeStrings } from '../../../packages/machine/src/appliance/channel/frames.ts'
import { FROM_AGENT, GREETING, decodeCredit, decodeEnd, decodeSurvivors } from '../../../packages/machine/src/appliance/channel/messages.ts'
import { runCommand } from '../../../packages/machine/src/appliance/channel/run-command.ts'
import { Qmp } from '../../../packages/machine/src/appliance/qemu/qmp.ts'
import { findBootFailure, plainText } from '../../../packages/machine/src/replica/boot-failure.ts'
import { ConsoleText } from '../../../packages/machine/src/replica/console-text.ts'
import { MonitorEvents } from '../../../packages/machine/src/replica/monitor-events.ts'
import { PromptAnswers } from '../../../packages/machine/src/replica/prompt-answers.ts'
import { parseSshAddress } from '../../../packages/machine/src/ssh/address.ts'
import type { Random } from '../random.ts'
import { type FuzzTarget, textTarget } from '../target.ts'

const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const EXIT = Buffer.concat([number(0), number(0), encodeStrings(['77', 'sleep 60'])])

/** All that an agent says to one command. */
const CONVERSATION = Buffer.concat([
  encodeFrame(FROM_AGENT.hello, 0, Buffer.from(GREETING)),
  encodeFrame(FROM_AGENT.stdout, 1, Buffer.from('hello\n')),
  encodeFrame(FROM_AGENT.stderr, 1, Buffer.from('warning\n')),
  encodeFrame(FROM_AGENT.stdinCredit, 1, number(1000)),
  encodeFrame(FROM_AGENT.exit, 1, EXIT),
  encodeFrame(FROM_AGENT.kept, 2, encodeStrings(['5', 'daemon'])),
])

const QMP = [
  '{"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": []}}',
  '{"return": {}, "id": 1}',
  '{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "RESET", "data": {"guest": true, "reason": "guest-reset"}}',
  '{"event": "BLOCK_IO_ERROR", "data": {"nospace": true}}',
  '{"error": {"class": "GenericError", "desc": "no"}, "id": 2}',
  '',
].join('\r\n')

const CONSOLE =
  '[    1.234567] Kernel panic - not syncing: VFS\r\n\u001b[0;32mgrub rescue> \u001b[0mPlease unlock disk root: (initramfs) \r\n'

/** A socket that says what the other side says and swallows what it is told. */
function socketSaying(bytes: Buffer, random: Random): Duplex {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const length = 1 + random.below(random.chance(0.5) ? 16 : 65_536)
    pieces.push(bytes.subarray(at, at + length))
    at += length
  }
  return new Duplex({
    read() {
      this.push(pieces.shift() ?? null)
    },
    write: (_chunk, _encoding, done) => done(),
  })
}

function endOf(socket: Duplex): Promise<void> {
  return new Promise(resolve => socket.once('close', resolve).once('end', resolve))
}

async function talkToAgent(input: Buffer, random: Random, signal: AbortSignal): Promise<unknown> {
  const socket = socketSaying(input, random)
  const channel = new Channel(socket)
  const ended = endOf(socket)
  const command = runCommand(channel, ['true'], { signal, captureBytes: 1024, stdin: 'x', onStdout: () => {} })
  command.catch(() => {})
  const kept = channel.endKept()
  kept.catch(() => {})
  await ended
  channel.lose(new Error('the socket has ended'))
  return Promise.allSettled([command, kept, channel.ready])
}

export const channelTargets: readonly FuzzTarget[] = [
  {
    name: 'agent-frames',
    samples: [CONVERSATION],
    run: (input, { random }) => {
      const decoder = new FrameDecoder(Object.values(FROM_AGENT))
      for (let at = 0; at < input.length;) {
        const piece = input.subarray(at, at + 1 + random.below(65_536))
        decoder.push(piece)
        at += piece.length
      }
    },
  },
  { name: 'agent-messages', samples: [EXIT, number(7)], run: input => [decodeEnd(input), decodeSurvivors(input), decodeCredit(input)] },
  { name: 'agent-channel', samples: [CONVERSATION], run: (input, { random, signal }) => talkToAgent(input, random, signal) },
  {
    name: 'qmp',
    samples: [Buffer.from(QMP)],
    run: async (input, { random }) => {
      const socket = socketSaying(input, random)
      const qmp = new Qmp(socket)
      const signal = AbortSignal.timeout(1000)
      const call = qmp.execute('quit', {}, signal)
      call.catch(() => {})
      const event = qmp.event('RESET', data => data['guest'] === true, signal)
      event.catch(() => {})
      await endOf(socket)
      qmp.lose(new Error('the socket has ended'))
    },
  },
  textTarget('monitor-events', [QMP], (text, { random }) => {
    const events = new MonitorEvents()
    for (let at = 0; at < text.length;) {
      const piece = text.slice(at, at + 1 + random.below(4096))
      events.add(piece)
      at += piece.length
    }
  }),
  {
    name: 'console',
    samples: [Buffer.from(CONSOLE)],
    run: (input, { random }) => {
      const console = new ConsoleText(4096)
      const answers = new PromptAnswers([{ prompt: 'unlock disk root:', send: 'secret\n' }])
      for (let at = 0; at < input.length;) {
        const piece = input.subarray(at, at + 1 + random.below(4096))
        console.add(piece)
        answers.next(console)
        at += piece.length
      }
      return [findBootFailure(console.text), plainText(console.text)]
    },
  },
  textTarget('ssh-address', ['ssh://root@host.example:22', 'ssh://[::1]'], text => parseSshAddress(text)),
]
