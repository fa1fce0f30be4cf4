export interface PeSection {
  readonly name: string
  readonly at: number
  readonly sizeBytes: number
}

export interface PeHeader {
  /** 0x8664 x86-64, 0xaa64 arm64, 0x14c i386, 0x5064 riscv64. */
  readonly machine: number
  readonly sections: readonly PeSection[]
  /** True when it carries a signature (Secure Boot): any change breaks it. */
  readonly isSigned: boolean
}

/** Reads the headers of an EFI program from its first kilobytes; `undefined` when it is none. Sections may lie beyond the bytes given. */
export function parsePe(bytes: Buffer): PeHeader | undefined {
  if (bytes.length < 0x40 || bytes.toString('latin1', 0, 2) !== 'MZ') return undefined
  const at = bytes.readUInt32LE(0x3c)
  if (at + 24 > bytes.length || bytes.toString('latin1', at, at + 4) !== 'PE\0\0') return undefined
  const optionalBytes = bytes.readUInt16LE(at + 20)
  const sectionsAt = at + 24 + optionalBytes
  const count = Math.min(bytes.readUInt16LE(at + 6), 96)
  const sections = Array.from({ length: count }, (_, index) => section(bytes, sectionsAt + 40 * index)).filter(found => found !== undefined)
  return { machine: bytes.readUInt16LE(at + 4), sections, isSigned: hasSignature(bytes, at + 24, optionalBytes) }
}

function section(bytes: Buffer, at: number): PeSection | undefined {
  if (at + 40 > bytes.length) return undefined
  const name = bytes.toString('latin1', at, at + 8).replace(/\0.*$/s, '')
  const [virtualBytes, rawBytes] = [bytes.readUInt32LE(at + 8), bytes.readUInt32LE(at + 16)]
  return { name, at: bytes.readUInt32LE(at + 20), sizeBytes: virtualBytes > 0 ? Math.min(virtualBytes, rawBytes) : rawBytes }
}

/** The fifth data directory is the certificate table; directories start at 112 in the 64-bit optional header (PE32+), at 96 in the other. */
function hasSignature(bytes: Buffer, at: number, optionalBytes: number): boolean {
  if (at + 2 > bytes.length) return false
  const directory = (bytes.readUInt16LE(at) === 0x20b ? 112 : 96) + 4 * 8
  return directory + 8 <= optionalBytes && at + directory + 8 <= bytes.length && bytes.readUInt32LE(at + directory + 4) > 0
}

/** The content of a section, or `undefined` when there is none or it is cut off. */
export function peSection(bytes: Buffer, header: PeHeader, name: string): Buffer | undefined {
  const found = header.sections.find(section => section.name === name)
  if (found === undefined || found.at + found.sizeBytes > bytes.length) return undefined
  return bytes.subarray(found.at, found.at + found.sizeBytes)
}
