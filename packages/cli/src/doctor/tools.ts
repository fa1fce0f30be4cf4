import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Finding } from './finding.ts'

interface Tool {
  readonly command: readonly string[]
  readonly needs: string
  readonly package: string
}

/** What Instar calls on this machine, and the oldest version that its options are known to work with. */
const TOOLS: readonly Tool[] = [
  { command: ['qemu-system-x86_64', '--version'], needs: '7.0', package: 'qemu-system-x86' },
  { command: ['qemu-img', '--version'], needs: '7.0', package: 'qemu-utils' },
  { command: ['qemu-nbd', '--version'], needs: '7.0', package: 'qemu-utils' },
  { command: ['mmdebstrap', '--version'], needs: '1.0', package: 'mmdebstrap' },
  { command: ['cryptsetup', '--version'], needs: '2.3', package: 'cryptsetup-bin' },
  { command: ['mke2fs', '-V'], needs: '1.45', package: 'e2fsprogs' },
  { command: ['sfdisk', '--version'], needs: '2.36', package: 'fdisk' },
  { command: ['setpriv', '--version'], needs: '2.33', package: 'util-linux' },
  { command: ['flock', '--version'], needs: '2.33', package: 'util-linux' },
  { command: ['cpio', '--version'], needs: '2.12', package: 'cpio' },
  { command: ['zstd', '--version'], needs: '1.4', package: 'zstd' },
  { command: ['xz', '--version'], needs: '5.2', package: 'xz-utils' },
  { command: ['lz4', '--version'], needs: '1.9', package: 'lz4' },
  { command: ['bzip2', '--help'], needs: '1.0', package: 'bzip2' },
  { command: ['ssh', '-V'], needs: '8.0', package: 'openssh-client' },
]

const VERSION_TIMEOUT_MS = 10_000

/** A finding for each program that Instar calls, as a command line with this PATH finds it. */
export function checkTools(path: string, signal: AbortSignal): Promise<Finding[]> {
  return Promise.all(TOOLS.map(tool => checkTool(tool, { path, signal })))
}

async function checkTool(tool: Tool, { path, signal }: { path: string; signal: AbortSignal }): Promise<Finding> {
  const [program = '', ...args] = tool.command
  try {
    const env = { PATH: path, LC_ALL: 'C' }
    const { stdout, stderr } = await promisify(execFile)(program, args, { env, signal, timeout: VERSION_TIMEOUT_MS })
    return checkVersion(program, `${stdout}${stderr}`, tool)
  } catch (error) {
    signal.throwIfAborted()
    const found = error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'not found' : `does not run: ${lastLine(error)}`
    return { name: program, state: 'missing', found, hint: `apt-get install ${tool.package}` }
  }
}

function lastLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error)
    .trim()
    .split('\n')
    .at(-1)!
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
