import type { ImageFormat } from '../machine.ts'

/** A file of a chain with the format it is opened in. A chain is the image first, then what it is based on, one after another. */
export interface ImageLink {
  readonly path: string
  readonly format: ImageFormat
  /** The file of a qcow2 image's guest data, where that is another one. */
  readonly dataFile?: string
}

/** A node of QEMU's block graph, in the spelling of `-blockdev`. */
export interface BlockNode {
  readonly driver: string
  readonly file: FileNode
  readonly [option: string]: unknown
}

interface FileNode {
  readonly driver: 'file'
  readonly filename: string
}

/** Formats whose driver takes an explicit backing node; for the others QEMU refuses the option. */
const CAN_HAVE_BACKING: ReadonlySet<ImageFormat> = new Set(['qcow2', 'vmdk'])

/**
 * The block graph of a chain with each driver and each file named by us, so that QEMU follows no name that stands in an image and takes no
 * part of a file name (`json:`, `nbd:`, commas) for anything but a name.
 */
export function blockNode(chain: readonly ImageLink[], options: { readonly extra?: object } = {}): BlockNode {
  const [link, ...rest] = chain
  if (link === undefined) throw new TypeError('a chain has at least one image')
  const node = { driver: link.format, ...options.extra, file: fileNode(link.path), ...dataNode(link) }
  if (!CAN_HAVE_BACKING.has(link.format)) return node
  return { ...node, backing: rest.length === 0 ? null : blockNode(rest) }
}

/** The node of an image alone, for tools that look at it without what it is based on. */
export function topNode(link: ImageLink): BlockNode {
  return { driver: link.format, file: fileNode(link.path), ...dataNode(link) }
}

/** The one spelling of a node that all of qemu-img takes in place of a file name. */
export function nodeName(node: BlockNode): string {
  return `json:${JSON.stringify(node)}`
}

function fileNode(path: string): FileNode {
  return { driver: 'file', filename: path }
}

function dataNode(link: ImageLink): object {
  return link.dataFile === undefined ? {} : { 'data-file': fileNode(link.dataFile) }
}
