import { spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { ScriptSpec, Secret } from '@instar/contract/scripts'
import { QUEUE_DIR, RUNNER_PATH, runDir } from './layout.ts'
import { firstBootEntries } from './manifest.ts'
import type { FirstBootLimits } from './manifest.ts'
import { firstBootRunner } from './runner.ts'
import { UNIT_LINK } from './units.ts'

/** A shell and its userland: the links in /bin of a phony root. */
export type Shell = 'dash' | 'bash' | 'busybox'
export const SHELLS: readonly Shell[] = ['dash', 'bash', 'busybox']

/** Why a test with this shell is skipped here, or `false`; with INSTAR_REQUIRE=all, as CI sets it, that is an error. */
export function lacks(shell: Shell, require: string | undefined): string | false {
  if (existsSync(`/usr/bin/${shell}`)) return false
  if (require === 'all') throw new Error(`${shell} is not on this machine`)
  return `not on this machine: ${shell}`
}

const TOOLS = (
  'awk base64 cat ls stat chmod cp cut date dd env grep head mkdir mkfifo mv od openssl printf readlink rm sed setsid sha256sum shred sleep sync tail ' +
  'tr umount wc seq yes kill nohup touch'
).split(' ')

interface PhonyRootOptions {
  readonly shell: Shell
  readonly scripts: readonly (Partial<ScriptSpec> & { payload: string })[]
  readonly secrets?: readonly Secret[]
  /** The longest first. */
  readonly masks?: readonly string[]
  readonly limits?: FirstBootLimits
  /** Tools that this system lacks. */
  readonly without?: readonly string[]
  /** Files from the root, written before the first boot. */
  readonly files?: Readonly<Record<string, string>>
  /** Links from the root, with their targets. */
  readonly links?: Readonly<Record<string, string>>
}

export interface PhonyRoot extends Disposable {
  readonly path: string
  readonly runId: string
  /** Runs the runner to its end. */
  boot(): Promise<{ code: number | null; log: string }>
  /** Starts the runner and cuts the power as soon as `until` says so (asked each millisecond), or at its end. */
  bootUntil(until: () => boolean): Promise<void>
  /** Waits until it is so; fails after 20 s. */
  until(isSo: () => boolean): Promise<void>
  read(path: string): string
  exists(path: string): boolean
  write(path: string, content: string): void
  /** Path in the run's folder. */
  inRun(path: string): string
  reboots(): number
  /** Lines of results.jsonl, parsed: each must be JSON. */
  results(): Record<string, unknown>[]
  /** Command lines of the processes of this root that live. */
  processes(): string[]
}

const UNTIL_LIMIT_MS = 20_000
/** Numbers roots and boots. */
let made = 0

/** A folder that looks to the runner like a machine with a registered first boot. Nothing in it can reach the real machine's power. */
export function phonyRoot(options: PhonyRootOptions): PhonyRoot {
  const path = mkdtempSync(join(tmpdir(), 'instar-fb-'))
  const runId = `run-${process.pid}-${++made}`
  const write = (at: string, content: string): void => {
    mkdirSync(dirname(join(path, at)), { recursive: true })
    writeFileSync(join(path, at), content, { mode: at.startsWith('bin/') ? 0o755 : 0o644 })
  }
  linkTools(path, options)
  for (const [at, content] of Object.entries({ ...machineFiles(path), ...options.files })) write(at, content)
  for (const [at, target] of Object.entries({ 'proc/uptime': '/proc/uptime', ...options.links })) {
    mkdirSync(dirname(join(path, at)), { recursive: true })
    symlinkSync(target, join(path, at))
  }
  register(path, runId, options)
  const read = (at: string): string => readFileSync(join(path, at), 'utf8')
  const exists = (at: string): boolean => existsSync(join(path, at))
  return {
    path,
    runId,
    boot: () => boot(path),
    async bootUntil(until) {
      const ended = boot(path)
      const watching = setInterval(() => until() && powerCut(path), 1)
      await ended
      clearInterval(watching)
      powerCut(path)
    },
    async until(isSo) {
      const deadline = performance.now() + UNTIL_LIMIT_MS
      while (!isSo()) {
        if (performance.now() > deadline) throw new Error(`still not so after ${UNTIL_LIMIT_MS} ms: ${isSo.toString()}`)
        await setTimeout(1)
      }
    },
    read,
    exists,
    write,
    inRun: at => `${runDir(runId)}/${at}`,
    reboots: () => (exists('reboots') ? read('reboots').trim().split('\n').length : 0),
    results: () =>
      read(`${runDir(runId)}/results.jsonl`)
        .trimEnd()
        .split('\n')
        .map(parseObject),
    processes: () => processesOf(path).map(pid => readProc(pid, 'cmdline').replaceAll('\0', ' ')),
    [Symbol.dispose]() {
      powerCut(path)
      rmSync(path, { recursive: true, force: true })
    },
  }
}

export function parseObject(line: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(JSON.parse(line)))
}

function linkTools(path: string, { shell, without = [] }: PhonyRootOptions): void {
  mkdirSync(join(path, 'bin'))
  const programs = new Map(TOOLS.filter(tool => !without.includes(tool)).map(tool => [tool, tool]))
  programs.set('sh', shell)
  for (const [name, program] of programs) {
    const target = shell === 'busybox' && name !== 'openssl' ? '/usr/bin/busybox' : `/usr/bin/${program}`
    symlinkSync(target, join(path, 'bin', name))
  }
}

function machineFiles(path: string): Record<string, string> {
  return {
    'proc/mounts': '/dev/vda1 / ext4 rw 0 0\ntmpfs /run tmpfs rw 0 0\n',
    'proc/self/mountinfo': '',
    'proc/cmdline': 'BOOT_IMAGE=/vmlinuz quiet\n',
    'sys/class/tty/console/active': 'tty0 ttyS0\n',
    'dev/ttyS0': '',
    'dev/console': '',
    [UNIT_LINK]: '',
    'bin/systemctl': `#!${path}/bin/sh\necho "$*" >>${path}/reboots\n`,
  }
}

function register(path: string, runId: string, options: PhonyRootOptions): void {
  const scripts = options.scripts.map((script, index) => ({
    name: `script-${index + 1}`,
    phase: 'replica_first_boot' as const,
    source: 'instance' as const,
    timeoutS: 60,
    retries: 0,
    onFailure: 'abort' as const,
    env: {},
    ...script,
  }))
  const { limits, secrets = [] } = options
  const masks = (options.masks ?? []).map(mask => Buffer.from(mask))
  for (const entry of firstBootEntries({
    runId,
    scripts,
    secrets,
    masks,
    distro: 'debian 12',
    ...(limits === undefined ? {} : { limits }),
  })) {
    if (entry.content === undefined) mkdirSync(join(path, entry.path), { recursive: true, mode: entry.mode })
    else writeFileSync(join(path, entry.path), entry.content, { mode: entry.mode })
  }
  // Short waits: what is tested is what comes after them.
  const waits = { grace_s: 1, sink_limit_s: 1, output_wait_s: 1, left_rounds: 3 }
  const runner = Object.entries(waits).reduce(
    (text, [name, value]) => text.replace(new RegExp(`^${name}=\\d+ `, 'm'), `${name}=${value} `),
    firstBootRunner(),
  )
  writeFileSync(join(path, RUNNER_PATH), runner)
  mkdirSync(join(path, QUEUE_DIR))
  writeFileSync(join(path, QUEUE_DIR, `001-${runId}`), '')
}

function boot(path: string): Promise<{ code: number | null; log: string }> {
  // A file, not a pipe: what outlives the runner must not keep us waiting, and nothing may be lost.
  const logFile = join(path, `log-${++made}`)
  const log = openSync(logFile, 'w')
  const child = spawn(join(path, 'bin/sh'), [join(path, RUNNER_PATH)], {
    env: { INSTAR_FIRSTBOOT_TEST_ROOT: path },
    stdio: ['ignore', log, log],
    detached: true,
  })
  closeSync(log)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', code => resolve({ code, log: readFileSync(logFile, 'utf8') }))
  })
}

/** All processes of the root die at once, and memory is lost. */
function powerCut(path: string): void {
  for (let round = 0; round < 20; round++) {
    const living = processesOf(path)
    if (living.length === 0) break
    for (const pid of living) kill(Number(pid))
  }
  rmSync(join(path, 'run'), { recursive: true, force: true })
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

function processesOf(path: string): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => readProc(pid, 'environ').includes(`INSTAR_FIRSTBOOT_TEST_ROOT=${path}\0`))
}

function readProc(pid: string, name: 'environ' | 'cmdline'): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1')
  } catch {
    return ''
  }
}
