import type { ImageFormat } from '../machine.ts'
import { blockNode, nodeName, type ImageLink } from './block-node.ts'
import { runTool } from './host-tool.ts'
import type { MapExtent } from './qemu-img.ts'
import { STRETCH_NUMBERS, type PlainData } from './stretches.ts'

/** Formats of one file whose map names offsets in that file. */
const MAPPED: ReadonlySet<ImageFormat> = new Set(['raw', 'qcow2'])
/** A disk in more pieces is left to QEMU from there on: 8 MiB of numbers. */
const MAX_STRETCHES = 256 * 1024
/** A badly fragmented TiB on a slow disk. */
const MAP_TIMEOUT_MS = 15 * 60_000

/**
 * Asks QEMU where the data of a chain lies. It holds while nobody writes to the files. `undefined` where other formats are in the chain, or
 * QEMU cannot tell; what is not named has to be read through QEMU.
 */
export async function findPlainData(chain: readonly ImageLink[], signal: AbortSignal): Promise<PlainData | undefined> {
  if (!chain.every(({ format }) => MAPPED.has(format))) return undefined
  const stretches: number[] = []
  let rest = ''
  const onStdout = (text: string) => {
    rest += text
    const objects = rest.match(/\{[^}]*\}/g) ?? []
    for (const object of objects) addStretch(stretches, JSON.parse(object) as MapExtent)
    rest = rest.slice(rest.lastIndexOf('}') + 1)
  }
  const argv = ['qemu-img', 'map', '--output=json', nodeName(blockNode(chain))]
  const { exitCode } = await runTool(argv, { signal, timeoutMs: MAP_TIMEOUT_MS, onStdout })
  return exitCode === 0 ? { files: chain.map(({ path, dataFile }) => dataFile ?? path), stretches } : undefined
}

/** Neighbours on the disk that are neighbours in the same file become one. */
function addStretch(stretches: number[], { start, length, depth, data, zero, compressed, offset }: MapExtent): void {
  if (!data || zero || compressed === true || offset === undefined) return
  const last = stretches.length - STRETCH_NUMBERS
  const [begin = 0, end, file, at = 0] = stretches.slice(-STRETCH_NUMBERS)
  if (end === start && file === depth && at + (start - begin) === offset) stretches[last + 1] = start + length
  else if (stretches.length < MAX_STRETCHES * STRETCH_NUMBERS) stretches.push(start, start + length, depth, offset)
}
