import type { BlockNode } from './block-node.ts'
import { nodeName } from './block-node.ts'
import { runTool } from './host-tool.ts'
import { toolError } from './tool-error.ts'

export type Comparison = { readonly kind: 'same' } | { readonly kind: 'different'; readonly says: string }

/** Compares what guests would read from two disks; the rest of a larger one must be zero. */
export async function compareImages(a: BlockNode, b: BlockNode, signal: AbortSignal): Promise<Comparison> {
  const result = await runTool(['qemu-img', 'compare', nodeName(a), nodeName(b)], { signal })
  if (result.exitCode === 0) return { kind: 'same' }
  if (result.exitCode === 1) return { kind: 'different', says: result.stdout.trim() }
  throw toolError('the comparison of two images', result)
}
