import { InstarError } from '@instar/contract'
import type { Survivor } from '../../machine.ts'
import { decodeStrings, encodeFrame, encodeStrings } from './frames.ts'

/** Bytes of one stream that may be on their way before the receiver has granted more; the agent counts with the same number. */
export const WINDOW_BYTES = 1024 * 1024

/** What the host sends. The agent has the same numbers. */
const TO_AGENT = { run: 1, stdin: 2, stdinEnd: 3, signal: 4, cancel: 5, credit: 6, endKept: 7, wake: 8 } as const

/** What the agent sends. */
export const FROM_AGENT = { hello: 65, stdout: 66, stderr: 67, stdinCredit: 68, exit: 69, kept: 70 } as const

export const GREETING = 'INSTAR-AGENT 1'

export interface CommandRequest {
  readonly argv: readonly string[]
  readonly cwd: string
  readonly keepSurvivors: boolean
  readonly hasStdin: boolean
  readonly env: Readonly<Record<string, string>>
}

/** How a command ended, as the agent says it. */
export interface CommandEnd {
  readonly exitCode: number
  readonly signalNumber: number
  readonly survivors: readonly Survivor[]
}

export function encodeRun(id: number, request: CommandRequest): Buffer {
  const variables = Object.entries(request.env).map(([name, value]) => `${name}=${value}`)
  const words = [...variables, ...request.argv, request.cwd]
  if (words.some(word => word.includes('\0'))) throw new InstarError('machine.bad-request', 'an argument or variable holds a NUL byte')
  const badName = Object.keys(request.env).find(name => name === '' || name.includes('='))
  if (badName !== undefined) throw new InstarError('machine.bad-request', `"${badName}" cannot be the name of a variable`)
  const flags = [request.keepSurvivors ? '1' : '', request.hasStdin ? '1' : '', String(variables.length)]
  return encodeFrame(TO_AGENT.run, id, encodeStrings([request.cwd, ...flags, ...variables, ...request.argv]))
}

export function encodeStdin(id: number, bytes: Uint8Array): Buffer {
  return encodeFrame(TO_AGENT.stdin, id, bytes)
}

export function encodeStdinEnd(id: number): Buffer {
  return encodeFrame(TO_AGENT.stdinEnd, id)
}

export function encodeSignal(id: number, number: number): Buffer {
  return encodeFrame(TO_AGENT.signal, id, uint32(number))
}

export function encodeCancel(id: number): Buffer {
  return encodeFrame(TO_AGENT.cancel, id)
}

export function encodeCredit(id: number, stream: 'stdout' | 'stderr', bytes: number): Buffer {
  return encodeFrame(TO_AGENT.credit, id, Buffer.concat([Buffer.from([FROM_AGENT[stream]]), uint32(bytes)]))
}

export function encodeEndKept(id: number): Buffer {
  return encodeFrame(TO_AGENT.endKept, id)
}

/** For an agent out of a snapshot, whose clock stands and whose random numbers would be those of all others. It answers with its greeting. */
export function encodeWake(now: Date, seed: Uint8Array): Buffer {
  const time = Buffer.alloc(16)
  time.writeBigUInt64LE(BigInt(Math.floor(now.getTime() / 1000)))
  time.writeBigUInt64LE(BigInt(now.getMilliseconds()) * 1_000_000n, 8)
  return encodeFrame(TO_AGENT.wake, 0, Buffer.concat([time, seed]))
}

export function decodeEnd(payload: Buffer): CommandEnd {
  if (payload.length < 8) throw new InstarError('machine.bad-frame', `an exit of ${payload.length} bytes`)
  return {
    exitCode: payload.readUInt32LE(0),
    signalNumber: payload.readUInt32LE(4),
    survivors: decodeSurvivors(payload.subarray(8)),
  }
}

export function decodeSurvivors(payload: Buffer): Survivor[] {
  const words = decodeStrings(payload)
  return Array.from({ length: Math.floor(words.length / 2) }, (_, index) => ({
    pid: Number(words[2 * index]),
    command: words[2 * index + 1]!,
  }))
}

export function decodeCredit(payload: Buffer): number {
  if (payload.length !== 4) throw new InstarError('machine.bad-frame', `a credit of ${payload.length} bytes`)
  return payload.readUInt32LE(0)
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
