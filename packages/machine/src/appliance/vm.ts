import { randomBytes } from 'node:crypto'
import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError } from '@instar/contract'
import { Channel } from './channel/channel.ts'
import { encodeWake } from './channel/messages.ts'
import { type QemuDisk, type QemuOptions, STATE_FD, qemuArguments } from './qemu/argv.ts'
import { type QemuEnd, QemuProcess } from './qemu/process.ts'
import { Qmp } from './qemu/qmp.ts'

/** QEMU writes out what it has of the disks before it goes. */
const QUIT_TIMEOUT_MS = 20_000
/** As much as the kernel's generator takes at once. */
const SEED_BYTES = 64
/** The guest's memory is in a file of its own, and not in what QEMU saves and loads. */
export const SHARED_MEMORY = { capabilities: [{ capability: 'x-ignore-shared', state: true }] }

/** QEMU with an agent that has greeted: the channel for commands and the monitor for devices. */
export interface Vm {
  readonly channel: Channel
  readonly qmp: Qmp
  readonly pid: number
  /** Those that it has now, to name their files when one of them fails. */
  readonly disks: Set<QemuDisk>
  /** Resolves when QEMU has ended, however. */
  readonly ended: Promise<void>
  /** Set once the host could not read or write a disk: what the guest wrote since may be lost, without its programs knowing. */
  diskFailure(): InstarError | undefined
  /** Ends QEMU in order, with its images flushed; kills it when that takes too long. */
  quit(): Promise<void>
  kill(): Promise<void>
}

export interface StartOptions extends QemuOptions {
  /** For QEMU's temporary files. */
  readonly folder: string
  readonly bootTimeoutMs: number
  readonly onStarted: (pid: number) => Promise<void>
  readonly signal: AbortSignal
}

/** Starts QEMU and waits for the agent. Throws `machine.start-failed` with QEMU's and the guest's last words when it does not come. */
export async function startVm(options: StartOptions): Promise<Vm> {
  options.signal.throwIfAborted()
  const { from } = options
  const state = from.kind === 'snapshot' ? await open(from.files.state) : undefined
  const qemu = new QemuProcess(qemuArguments(options), options.folder, state === undefined ? [] : [state.fd])
  await state?.close()
  const channel = new Channel(qemu.channel)
  const qmp = new Qmp(qemu.qmp)
  const ended = watchEnd(qemu, channel, qmp)
  const disks = new Set(options.disks)
  let diskFailure: InstarError | undefined
  void qemu.diskFailed.then(reason => {
    diskFailure = diskError(reason, disks)
    // The guest's kernel tells nobody of a lost write of its cache, so that no result of a command can be trusted from here on.
    channel.lose(diskFailure)
  })
  const kill = async () => {
    qemu.kill()
    await ended
  }
  try {
    await options.onStarted(qemu.pid)
    await waitForGreeting(channel, qemu, {
      ...options,
      resumed: from.kind === 'snapshot' ? resume(qmp, channel, options.signal) : undefined,
    })
  } catch (error) {
    await kill()
    throw error
  }
  return { channel, qmp, pid: qemu.pid, disks, ended, diskFailure: () => diskFailure, kill, quit: () => quit(qmp, ended, kill) }
}

async function watchEnd(qemu: QemuProcess, channel: Channel, qmp: Qmp): Promise<void> {
  const end = await qemu.ended
  const error = new InstarError('machine.lost', `the appliance has ended: ${describeEnd(end)}`, { details: { ...end } })
  channel.lose(error)
  qmp.lose(error)
}

/** QEMU does not tell which disk it was. */
function diskError(reason: string, disks: ReadonlySet<QemuDisk>): InstarError {
  const files = [...disks].map(({ disk }) => disk.file).join(', ')
  return /No space left|quota/.test(reason)
    ? new InstarError('image.no-space', `no space left for what the appliance wrote to ${files}: ${reason}`)
    : new InstarError('machine.disk-failed', `the host could not read or write a disk of the appliance (${files}): ${reason}`)
}

/** Lets the guest of a snapshot go on; its agent greets when it knows the time. */
async function resume(qmp: Qmp, channel: Channel, signal: AbortSignal): Promise<void> {
  const goesOn = qmp.event('RESUME', () => true, signal)
  goesOn.catch(() => {})
  await qmp.execute('migrate-set-capabilities', SHARED_MEMORY, signal)
  await qmp.execute('migrate-incoming', { uri: `fd:${STATE_FD}` }, signal)
  await goesOn
  channel.send(encodeWake(new Date(), randomBytes(SEED_BYTES)))
}

interface GreetingOptions extends StartOptions {
  readonly resumed: Promise<void> | undefined
}

async function waitForGreeting(channel: Channel, qemu: QemuProcess, options: GreetingOptions): Promise<void> {
  const { signal, bootTimeoutMs, resumed } = options
  const done = new AbortController()
  const stop = AbortSignal.any([signal, done.signal])
  const timer = sleep(bootTimeoutMs, 'late' as const, { signal: stop })
  timer.catch(() => {})
  try {
    if ((await Promise.race([Promise.all([resumed, channel.ready]), timer])) === 'late') {
      qemu.kill()
      const end = await qemu.ended
      throw new InstarError('machine.start-failed', `the appliance did not answer within ${bootTimeoutMs} ms: ${lastWords(end)}`)
    }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof InstarError && error.code === 'machine.lost') throw await startFailed(qemu, error)
    throw error
  } finally {
    done.abort()
  }
}

async function startFailed(qemu: QemuProcess, cause: Error): Promise<InstarError> {
  qemu.kill()
  const end = await qemu.ended
  if (end.exitCode === 127) {
    return new InstarError('machine.missing-tool', 'the program qemu-system-x86_64 is not installed', {
      hint: 'Install it: apt-get install qemu-system-x86',
      cause,
    })
  }
  // QEMU's words about a disk that somebody else has open, or that is not there.
  const isDisk = /lock|Could not open|Image is not in/.test(end.stderr)
  return new InstarError(isDisk ? 'machine.disk-refused' : 'machine.start-failed', `the appliance did not start: ${describeEnd(end)}`, {
    details: { ...end },
  })
}

async function quit(qmp: Qmp, ended: Promise<void>, kill: () => Promise<void>): Promise<void> {
  const signal = AbortSignal.timeout(QUIT_TIMEOUT_MS)
  // The answer may be lost with QEMU, and a QEMU that is dead already has quit.
  const asked = qmp.execute('quit', {}, signal).catch(() => {})
  const late = new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
  await Promise.race([Promise.all([asked, ended]), late])
  await kill()
}

function describeEnd(end: QemuEnd): string {
  const how = end.signal === null ? `QEMU exited with ${end.exitCode}` : `QEMU was ended by ${end.signal}`
  return `${how}; ${lastWords(end)}`
}

/** The lines that tell why, where the kernel or the agent has said so, for a panic buries them under registers; else the last ones. */
function lastWords({ stderr, console }: QemuEnd): string {
  const lines = [stderr, console].flatMap(text => text.split(/[\r\n]+/).filter(line => line.trim() !== ''))
  const telling = lines.filter(line => /Kernel panic|BUG:|Oops:|Out of memory|^agent: |^qemu-system/.test(line))
  const words = (telling.length > 0 ? telling : lines).slice(-5)
  return words.length === 0 ? 'it said nothing' : `its last words: ${words.join(' | ')}`
}
