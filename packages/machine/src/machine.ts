/**
 * A machine that holds disks and runs commands for us. Kinds: `appliance` (a VM that Instar builds) and `ssh` (a machine that has the disks).
 *
 * Methods throw only when the machine is lost (`machine.lost`), the signal is aborted, or the request makes no sense; a command that
 * fails is a result.
 */
export interface Machine extends AsyncDisposable {
  /** For people: "appliance (kvm)", "ssh://host". */
  readonly name: string
  /** True where the CPU is emulated: key derivation and compression belong on the host then. */
  readonly isEmulated: boolean
  run(argv: readonly string[], options: RunOptions): Promise<RunResult>
  /** Attaches a disk while the machine runs, and gives its device. Refused by kinds that cannot (`machine.no-hotplug`). */
  attach(disk: MachineDisk, signal: AbortSignal): Promise<string>
  detach(device: string, signal: AbortSignal): Promise<void>
  /** The whole file, or `undefined` when there is none. Refuses more than `maxBytes` (default 64 MiB). */
  read(path: string, options: { signal: AbortSignal; maxBytes?: number }): Promise<Buffer | undefined>
  /** Replaces or creates a file, with its parent folders; owner root. Default mode 0o600. */
  write(path: string, content: Uint8Array | string, options: { signal: AbortSignal; mode?: number }): Promise<void>
  /** Names in a folder, sorted by bytes; `undefined` when it does not exist. */
  list(path: string, signal: AbortSignal): Promise<string[] | undefined>
  /** Switches the machine's way to the network on or off. An appliance starts with it off. */
  network(on: boolean, signal: AbortSignal): Promise<void>
  /** Ends what earlier commands with `survivors: 'keep'` left running. */
  endSurvivors(signal: AbortSignal): Promise<Survivor[]>
  /** Its disks as it names them: those given at the start, in that order, then those attached since. */
  readonly devices: readonly string[]
}

export interface RunOptions {
  readonly signal: AbortSignal
  /** Added to the machine's own small environment (PATH, HOME, LC_ALL=C). */
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: Uint8Array | string
  /** In place of `stdin`, piece by piece as it comes; the command reads the end when there are no more. */
  readonly input?: AsyncIterable<Uint8Array>
  readonly cwd?: string
  /** After this the process group gets SIGTERM, 2 s later SIGKILL. 0 or absent = no limit. */
  readonly timeoutMs?: number
  /** Pieces of output as they come. A promise that is returned holds back further output: back-pressure reaches the process. */
  readonly onStdout?: (piece: Buffer) => void | Promise<void>
  readonly onStderr?: (piece: Buffer) => void | Promise<void>
  /** Processes that outlive the command: ended with it (default), or kept and named in the result. */
  readonly survivors?: 'end' | 'keep'
  /** Keep all of stdout in the result instead of its last 4 KiB, up to this many bytes; more is an error of the caller (`machine.too-much-output`). */
  readonly captureBytes?: number
}

/** One shape for success and failure. */
export interface RunResult {
  readonly argv: readonly string[]
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly timedOut: boolean
  readonly startedAt: Date
  readonly endedAt: Date
  /** The last 4 KiB of each stream. */
  readonly stdoutTail: string
  readonly stderrTail: string
  /** All of stdout when `captureBytes` was given, else empty. */
  readonly stdout: Buffer
  readonly stdoutBytes: number
  readonly stderrBytes: number
  readonly survivors: readonly Survivor[]
}

export interface Survivor {
  readonly pid: number
  readonly command: string
}

export interface MachineDisk {
  readonly file: string
  readonly format: ImageFormat
  readonly readOnly: boolean
  /** The file's whole block graph in the spelling of QEMU's `-blockdev`, where QEMU shall not follow the references inside of images. */
  readonly node?: object
}

export type ImageFormat = 'raw' | 'qcow2' | 'vmdk' | 'vhdx' | 'vdi' | 'vpc'
