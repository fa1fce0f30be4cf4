import { InstarError } from '@instar/contract'

/**
 * The record of a commit, beside each image that it changes. The first image's journal decides: there is one with `committing` = the commit
 * is to be finished; `done` = only the tidying is left. The others carry `prepared`, and mean nothing without the first one's.
 */
export interface CommitJournal {
  readonly version: 1
  readonly run_id: string
  readonly state: 'prepared' | 'committing' | 'done'
  readonly begun_at: string
  /** All disks of the machine, in their order. */
  readonly images: readonly CommitEntry[]
}

export interface CommitEntry {
  /** Real path of the image. */
  readonly path: string
  readonly format: 'raw' | 'qcow2'
  readonly virtual_bytes_before: number
  readonly virtual_bytes_after: number
  /** Further files of its chain, which it may refer to. */
  readonly allow_backing: readonly string[]
  readonly layer: string
  readonly layer_bytes: number
  /** SHA-256 of the layer's first 64 KiB: its header. */
  readonly layer_head_sha256: string
  /** Parts of the disk that the layer does not touch: by these the image is known again in the middle of the commit. */
  readonly samples: readonly DiskSample[]
}

export interface DiskSample {
  readonly at: number
  readonly bytes: number
  readonly sha256: string
}

const STATES: readonly string[] = ['prepared', 'committing', 'done']
const MAX_IMAGES = 256
const MAX_SAMPLES = 1000

export function journalFileOf(imagePath: string): string {
  return `${imagePath}.instar-commit`
}

/** The image and layer of a disk in one line, for people who look into the file. */
export function formatJournal(journal: CommitJournal): string {
  return `${JSON.stringify(journal, undefined, 2)}\n`
}

/** Reads a journal; anything that is not one whole journal of version 1 is `image.commit-refused`. */
export function parseJournal(text: string, file: string): CommitJournal {
  const value = parseJson(text, file)
  if (!isRecord(value) || value['version'] !== 1) throw refused(file, 'is no journal of version 1')
  const { images } = value
  if (typeof value['run_id'] !== 'string' || typeof value['begun_at'] !== 'string') throw refused(file, 'names no run')
  if (typeof value['state'] !== 'string' || !STATES.includes(value['state'])) throw refused(file, 'has an unknown state')
  if (!Array.isArray(images) || images.length === 0 || images.length > MAX_IMAGES) throw refused(file, 'names no images')
  if (!images.every(isEntry)) throw refused(file, 'has an entry that is not whole')
  return value as unknown as CommitJournal
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new InstarError('image.commit-refused', `${file} is not JSON`, { cause })
  }
}

function isEntry(value: unknown): boolean {
  return (
    isRecord(value) &&
    isPath(value['path']) &&
    isPath(value['layer']) &&
    (value['format'] === 'raw' || value['format'] === 'qcow2') &&
    isCount(value['virtual_bytes_before']) &&
    isCount(value['virtual_bytes_after']) &&
    isCount(value['layer_bytes']) &&
    isHash(value['layer_head_sha256']) &&
    isList(value['allow_backing'], isPath) &&
    isList(value['samples'], isSample)
  )
}

function isSample(value: unknown): boolean {
  return isRecord(value) && isCount(value['at']) && isCount(value['bytes']) && value['bytes'] <= 1024 * 1024 && isHash(value['sha256'])
}

function isList(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= MAX_SAMPLES && value.every(isItem)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('/') && !value.includes('\0')
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isHash(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
}

function refused(file: string, why: string): InstarError {
  return new InstarError('image.commit-refused', `${file} ${why}`)
}
