import { Buffer } from 'node:buffer'

export interface CpioFile {
  /** Without a leading slash. */
  readonly path: string
  /** Type and permission bits, e.g. 0o100644. */
  readonly mode: number
  /** File content or link target. */
  readonly content?: Uint8Array | string
}

export const MODE_FILE = 0o100644
export const MODE_DIR = 0o040755
export const MODE_LINK = 0o120777

/** A newc archive, members in the order given, owner root, time 0, so that the same input gives the same bytes. */
export function writeCpio(files: readonly CpioFile[]): Buffer {
  const pieces = files.flatMap((file, index) => member(file, index + 1))
  return Buffer.concat([...pieces, ...member({ path: 'TRAILER!!!', mode: 0 }, 0)])
}

function member(file: CpioFile, ino: number): Buffer[] {
  const content = typeof file.content === 'string' ? Buffer.from(file.content) : Buffer.from(file.content ?? [])
  const name = Buffer.from(`${file.path}\0`)
  const nlink = (file.mode & 0o170000) === 0o040000 ? 2 : 1
  const fields = [ino, file.mode, 0, 0, nlink, 0, content.length, 0, 0, 0, 0, name.length, 0]
  const header = `070701${fields.map(value => value.toString(16).padStart(8, '0')).join('')}`
  return [Buffer.from(header), name, padding(header.length + name.length), content, padding(content.length)]
}

function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4)
}
