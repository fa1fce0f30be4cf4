import { InstarError } from '@instar/contract'
import type { BlockNode } from './block-node.ts'
import { nodeName } from './block-node.ts'
import type { ToolOptions, ToolResult } from './host-tool.ts'
import { runTool } from './host-tool.ts'
import { toolError } from './tool-error.ts'

/** Looking at a header takes milliseconds; a hostile one may take for ever. */
const INFO_LIMITS = { timeoutMs: 60_000, memoryBytes: 2 * 1024 ** 3 }
/** A check reads all tables: seconds for a TiB on a slow disk. */
const CHECK_LIMITS = { timeoutMs: 15 * 60_000, memoryBytes: 8 * 1024 ** 3 }

/** Size of the guest's disk as QEMU reads it. */
export async function readVirtualBytes(node: BlockNode, signal: AbortSignal): Promise<number> {
  const result = await runTool(['qemu-img', 'info', '--output=json', nodeName(node)], { signal, ...INFO_LIMITS })
  if (result.exitCode !== 0) throw toolError(fileOf(node), result, 'image.damaged')
  const bytes = field(parseJson(result), 'virtual-size')
  if (typeof bytes !== 'number') throw toolError(fileOf(node), result)
  return bytes
}

/** `image.damaged` when the format's own tables are wrong or the file is cut short. Leaked clusters are no damage. */
export async function checkTables(node: BlockNode, signal: AbortSignal): Promise<void> {
  const result = await runTool(['qemu-img', 'check', '--output=json', nodeName(node)], { signal, ...CHECK_LIMITS })
  const LEAKS_ONLY = 3
  const NOT_SUPPORTED = 63
  if (result.exitCode === 0 || result.exitCode === LEAKS_ONLY || result.exitCode === NOT_SUPPORTED) return
  const corruptions = field(parseJsonOrNothing(result.stdout), 'corruptions')
  if (result.exitCode !== 2 || typeof corruptions !== 'number') throw toolError(fileOf(node), result, 'image.damaged')
  throw new InstarError('image.damaged', `${fileOf(node)}: ${corruptions} errors in its tables (damaged, or cut short in copying)`)
}

export interface MapExtent {
  readonly start: number
  readonly length: number
  /** 0 = the image itself, 1 = what it is based on, ... */
  readonly depth: number
  readonly data: boolean
  readonly zero: boolean
  readonly compressed?: boolean
  /** Where the data lies in the file, if it lies there as it is. */
  readonly offset?: number
}

/** Which parts of the disk hold data, and in which image of the chain. */
export async function mapDisk(node: BlockNode, signal: AbortSignal): Promise<MapExtent[]> {
  const result = await runTool(['qemu-img', 'map', '--output=json', nodeName(node)], { signal, timeoutMs: CHECK_LIMITS.timeoutMs })
  if (result.exitCode !== 0) throw toolError(fileOf(node), result)
  return parseJson(result) as MapExtent[]
}

/** How many bytes a qcow2 image of this disk needs. */
export async function measureBytes(node: BlockNode, signal: AbortSignal): Promise<number> {
  const result = await runTool(['qemu-img', 'measure', '--output=json', '-O', 'qcow2', nodeName(node)], {
    signal,
    timeoutMs: CHECK_LIMITS.timeoutMs,
  })
  if (result.exitCode !== 0) throw toolError(fileOf(node), result)
  return Number(field(parseJson(result), 'required') ?? 0)
}

/** Runs a subcommand that must succeed; `-p` progress goes to `onPercent`. */
export async function runQemuImg(
  what: string,
  args: readonly string[],
  options: ToolOptions & { onPercent?: (percent: number) => void },
): Promise<void> {
  const { onPercent, ...rest } = options
  const result = await runTool(['qemu-img', ...args], onPercent === undefined ? rest : { ...rest, onStdout: percentReader(onPercent) })
  if (result.exitCode !== 0) throw toolError(what, result)
}

function percentReader(onPercent: (percent: number) => void): (text: string) => void {
  return text => {
    const percent = [...text.matchAll(/\((\d+(?:\.\d+)?)\/100%\)/g)].at(-1)?.[1]
    if (percent !== undefined) onPercent(Number(percent))
  }
}

function parseJson(result: ToolResult): unknown {
  try {
    return JSON.parse(result.stdout)
  } catch (cause) {
    throw new InstarError('image.tool-failed', `${result.argv.slice(0, 2).join(' ')} answered no JSON`, { cause })
  }
}

function parseJsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

function fileOf(node: BlockNode): string {
  return node.file.filename
}
