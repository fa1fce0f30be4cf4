import { InstarError } from '@instar/contract'

/** GRUB writes the block in place by its sectors, so its size can never change (grub manual, "The GRUB environment block"). */
const BLOCK_BYTES = 1024
/** Larger blocks are made by hand only; the bound keeps the reading of nonsense short. */
const MAX_BYTES = 8192
const HEADER = '# GRUB Environment Block\n'

/** The variables of a grubenv block; empty when it has not the form of one. */
export function parseGrubenv(text: string): Map<string, string> {
  if (!text.startsWith(HEADER)) return new Map()
  const lines = text.slice(HEADER.length, MAX_BYTES).match(/(?:\\[\s\S]|[^\\\n])*\n/g) ?? []
  return new Map(
    lines.flatMap(line => {
      const at = line.indexOf('=')
      return line.startsWith('#') || at < 1 ? [] : [[line.slice(0, at), line.slice(at + 1, -1).replaceAll(/\\([\s\S])/g, '$1')] as const]
    }),
  )
}

/** The block with these variables, 1024 bytes. Throws `boot.grubenv-full` when they do not fit. */
export function renderGrubenv(variables: ReadonlyMap<string, string>): string {
  const lines = [...variables].map(([name, value]) => `${name}=${value.replaceAll(/[\\\n]/g, '\\$&')}\n`)
  const body = HEADER + lines.join('')
  if (body.length > BLOCK_BYTES) {
    throw new InstarError('boot.grubenv-full', `grubenv needs ${body.length} bytes and has ${BLOCK_BYTES}`, {
      details: { neededBytes: body.length, roomBytes: BLOCK_BYTES },
    })
  }
  return body.padEnd(BLOCK_BYTES, '#')
}
