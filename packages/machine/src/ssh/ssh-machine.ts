import { randomBytes } from 'node:crypto'
import { InstarError } from '@instar/contract/errors'
import type { Machine, RunOptions, RunResult, Survivor } from '../machine.ts'
import { parseSshAddress } from './address.ts'
import { openConnection, type SshConnection } from './connection.ts'
import { runOverSsh, type RemoteCommand } from './remote-command.ts'

const MAX_READ_BYTES = 64 * 1024 * 1024
const BASE_ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LC_ALL: 'C' }

interface SshMachineOptions {
  /** `ssh://[USER@]HOST[:PORT]`; a user other than root needs sudo without a password. */
  readonly url: string
  /** The disks of the guest as that machine names them, boot disk first. */
  readonly devices: readonly string[]
  readonly signal: AbortSignal
}

/**
 * A reachable Linux machine that already has the disks. Only the given devices are touched.
 *
 * What a shell cannot tell apart is not invented: a command that a signal ended shows as exit code 128 + its number.
 */
export async function openSshMachine(options: SshMachineOptions): Promise<Machine> {
  const connection = await openConnection(parseSshAddress(options.url), options.signal)
  try {
    const machine = new SshMachine(connection, options)
    await machine.prepare(options.signal)
    return machine
  } catch (error) {
    await connection[Symbol.asyncDispose]()
    throw error
  }
}

class SshMachine implements Machine {
  readonly name: string
  readonly isEmulated = false
  readonly devices: readonly string[]
  readonly #connection: SshConnection
  readonly #kept = new Map<string, Survivor[]>()
  #asRoot: readonly string[] = []

  constructor(connection: SshConnection, options: SshMachineOptions) {
    this.#connection = connection
    this.name = options.url
    this.devices = options.devices
  }

  /** Finds out how to be root, and that the disks are there and in nobody's use. */
  async prepare(signal: AbortSignal): Promise<void> {
    const id = await this.run(['id', '-u'], { signal })
    if (id.stdoutTail.trim() !== '0') this.#asRoot = ['sudo', '-n']
    const root = await this.run(['id', '-u'], { signal })
    if (root.stdoutTail.trim() !== '0') {
      throw new InstarError(
        'ssh.not-root',
        `commands on ${this.name} do not run as root: ${root.stderrTail.trim() || root.stdoutTail.trim()}`,
      )
    }
    for (const device of this.devices) await this.#checkDevice(device, signal)
  }

  async #checkDevice(device: string, signal: AbortSignal): Promise<void> {
    const found = await this.run(['lsblk', '-n', '-r', '-p', '-o', 'NAME,TYPE,MOUNTPOINT', device], { signal })
    if (found.exitCode !== 0)
      throw new InstarError('ssh.bad-device', `${this.name} has no block device ${device}: ${found.stderrTail.trim()}`)
    const mounted = found.stdoutTail.split('\n').find(line => line.split(' ')[2]?.startsWith('/') === true)
    if (mounted !== undefined) throw new InstarError('ssh.bad-device', `${device} on ${this.name} is in use: ${mounted}`)
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
      asRoot: this.#asRoot,
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
      const marked = `pids=$(grep -lzx "INSTAR_MARK=$1" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3); [ -z "$pids" ] || kill -s "$2" $pids`
      for (const name of ['TERM', 'KILL']) await this.run(['sh', '-c', `${marked}; sleep 0.2`, 'sh', id, name], { signal })
      await this.run(['rm', '-rf', `/run/instar/ssh/${id}`], { signal })
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
