import { randomBytes } from 'node:crypto'
import { InstarError } from '@instar/contract/errors'
import type { Machine, RunOptions, RunResult, Survivor } from '../machine.ts'
import { parseSshAddress } from './address.ts'
import { openConnection, type SshConnection } from './connection.ts'
import { endCommand, runOverSsh, type RemoteCommand } from './remote-command.ts'

const MAX_READ_BYTES = 64 * 1024 * 1024
const BASE_ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LC_ALL: 'C' }

interface SshMachineOptions {
  /** `ssh://[USER@]HOST[:PORT]`; a user other than root needs sudo without a password. */
  readonly url: string
  /** The disks of the guest as that machine names them, boot disk first. */
  readonly devices: readonly string[]
  /** An ssh_config(5) to use instead of the user's own. */
  readonly configFile?: string
  readonly signal: AbortSignal
}

/**
 * A reachable Linux machine that already has the disks. Only the given devices are touched.
 *
 * What a shell cannot tell apart is not invented: a command that a signal ended shows as exit code 128 + its number.
 */
export async function openSshMachine(options: SshMachineOptions): Promise<Machine> {
  const { url, configFile, signal } = options
  const address = parseSshAddress(url)
  const connection = await openConnection({ address, signal, ...(configFile === undefined ? {} : { configFile }) })
  try {
    return new SshMachine(connection, { url, devices: await takeDevices(connection, options) })
  } catch (error) {
    await connection[Symbol.asyncDispose]()
    throw error
  }
}

/** The disks under the kernel's own names, none of them in use over there; from now on the lease may close what stands on them. */
async function takeDevices(connection: SshConnection, { url, devices, signal }: SshMachineOptions): Promise<string[]> {
  const machine = new SshMachine(connection, { url, devices: [] })
  const names: string[] = []
  for (const device of devices) names.push(await resolveDevice(machine, device, signal))
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new InstarError('ssh.bad-device', `${twice} is given more than once`)
  await machine.write('/run/instar/devices', `${names.join('\n')}\n`, { signal })
  return names
}

async function resolveDevice(machine: Machine, device: string, signal: AbortSignal): Promise<string> {
  if (!device.startsWith('/dev/')) throw new InstarError('ssh.bad-device', `"${device}" is not the name of a device below /dev`)
  const name = (await machine.run(['readlink', '-e', '--', device], { signal })).stdoutTail.trim()
  if (name === '') throw new InstarError('ssh.bad-device', `${machine.name} has no ${device}`)
  const found = await machine.run(['lsblk', '-n', '-r', '-p', '-o', 'NAME,RO,MOUNTPOINT', name], { signal })
  if (found.exitCode !== 0) throw new InstarError('ssh.bad-device', `${name} on ${machine.name} is no disk: ${found.stderrTail.trim()}`)
  const rows = found.stdoutTail
    .trim()
    .split('\n')
    .map(line => line.split(' '))
  const inUse = rows.find(([, , mountPoint]) => mountPoint)
  if (inUse !== undefined)
    throw new InstarError('ssh.bad-device', `${device} on ${machine.name} is in use there: ${inUse[0]} is mounted on ${inUse[2]}`)
  if (rows[0]?.[1] === '1') throw new InstarError('ssh.bad-device', `${device} on ${machine.name} is read-only`)
  return name
}

class SshMachine implements Machine {
  readonly name: string
  readonly isEmulated = false
  readonly devices: readonly string[]
  readonly #connection: SshConnection
  readonly #kept = new Map<string, Survivor[]>()

  constructor(connection: SshConnection, { url, devices }: { url: string; devices: readonly string[] }) {
    this.#connection = connection
    this.name = url
    this.devices = devices
  }

  async run(argv: readonly string[], options: RunOptions): Promise<RunResult> {
    const id = randomBytes(6).toString('hex')
    const result = await runOverSsh(this.#connection, this.#command(id, argv, options), options)
    if (options.survivors !== 'keep') return result
    const survivors = await this.#survivorsOf(id, options.signal)
    if (survivors.length > 0) this.#kept.set(id, survivors)
    return { ...result, survivors }
  }

  #command(id: string, argv: readonly string[], options: RunOptions): RemoteCommand {
    const variables = Object.entries({ ...BASE_ENVIRONMENT, ...options.env }).map(([name, value]) => `${name}=${value}`)
    return {
      id,
      machine: this.name,
      rule: options.survivors ?? 'end',
      cwd: options.cwd ?? '/',
      argv: ['env', '-i', `INSTAR_MARK=${id}`, ...variables, ...argv],
      shown: argv,
    }
  }

  async #survivorsOf(id: string, signal: AbortSignal): Promise<Survivor[]> {
    const text = (await this.read(`/run/instar/ssh/${id}/left`, { signal }))?.toString() ?? ''
    return text.split('\n').flatMap(line => {
      const [, pid, command] = /^(\d+) (.*)$/.exec(line) ?? []
      return pid === undefined ? [] : [{ pid: Number(pid), command: (command ?? '').trim() }]
    })
  }

  async endSurvivors(signal: AbortSignal): Promise<Survivor[]> {
    const ended = [...this.#kept.values()].flat()
    for (const id of this.#kept.keys()) {
      await endCommand(this.#connection, id)
      signal.throwIfAborted()
      this.#kept.delete(id)
    }
    return ended
  }

  async read(path: string, { signal, maxBytes = MAX_READ_BYTES }: { signal: AbortSignal; maxBytes?: number }): Promise<Buffer | undefined> {
    const result = await this.run(['sh', '-c', '[ -e "$1" ] || exit 9; exec cat "$1"', 'sh', path], { signal, captureBytes: maxBytes })
    if (result.exitCode === 9) return undefined
    if (result.exitCode !== 0) throw new InstarError('ssh.file', `cannot read ${path} on ${this.name}: ${result.stderrTail.trim()}`)
    return result.stdout
  }

  async write(path: string, content: Uint8Array | string, { signal, mode = 0o600 }: { signal: AbortSignal; mode?: number }): Promise<void> {
    const script =
      'umask 077; mkdir -p "$(dirname "$1")" && cat >"$1.instar-new" && chmod "$2" "$1.instar-new" && mv -f "$1.instar-new" "$1"'
    const result = await this.run(['sh', '-c', script, 'sh', path, mode.toString(8)], { signal, stdin: content })
    if (result.exitCode !== 0) throw new InstarError('ssh.file', `cannot write ${path} on ${this.name}: ${result.stderrTail.trim()}`)
  }

  async list(path: string, signal: AbortSignal): Promise<string[] | undefined> {
    const script = '[ -d "$1" ] || exit 9; exec find "$1" -mindepth 1 -maxdepth 1 -printf "%f\\0"'
    const result = await this.run(['sh', '-c', script, 'sh', path], { signal, captureBytes: MAX_READ_BYTES })
    if (result.exitCode === 9) return undefined
    if (result.exitCode !== 0) throw new InstarError('ssh.file', `cannot list ${path} on ${this.name}: ${result.stderrTail.trim()}`)
    return result.stdout.toString().split('\0').filter(Boolean).sort()
  }

  async attach(): Promise<string> {
    throw new InstarError('ssh.fixed-disks', `${this.name} already has its disks; name them with --device`)
  }

  async detach(): Promise<void> {
    throw new InstarError('ssh.fixed-disks', `${this.name} keeps its disks; detach them where they were attached`)
  }

  /** The machine's network is its own; it is neither switched on nor off. */
  async network(): Promise<void> {
    await Promise.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]()
  }
}
