import type { Random } from './random.ts'

/** What a mutation works on: the sample, and all samples of its kind to splice from. */
interface Material {
  readonly bytes: Buffer
  readonly others: readonly Buffer[]
  readonly random: Random
}

type Mutation = (material: Material) => Buffer

/** Larger inputs only cost time: what is quadratic shows at this size. */
const MAX_BYTES = 512 * 1024
const MAX_MUTATIONS = 4

const NUMBERS = '0 -1 1 255 65536 2147483647 4294967295 9007199254740993 18446744073709551616 1e400 NaN 0x7fffffff'.split(' ')
const PATHS = '/ .. ../../../../../../etc/passwd /proc/self/root /dev/zero ./ // C:\\ json:{} nbd://x'.split(' ')
const SYNTAX =
  String.raw`null true {} [] "" [[[[[[[[ {"a": __proto__ constructor toString %s%n \ " ' # = : , ; $ $(x) {{ }} * ? [! << | >- !!binary`.split(
    ' ',
  )
const PATTERNS = ['${', '`', '('.repeat(32), '.*'.repeat(8), '(a+)+$', '&a *a', '- - - -', 'source *', 'include']
const UNITS = [' ', '\t', '\r', '\n', '- ', 'x\n', ...String.raw`a ( [ { " \ a: a= / ../ * $ & 0 < ,`.split(' ')]
const CHARACTERS = ['\n', '\r\n', '\t', ' ', '\0', '\u2028', '\ufeff', '\u00ff', '\u001b[31m']

/** Words that parsers stumble over: numbers at the ends of their types, paths that lead out, syntax of the formats read here. */
const WORDS = [...NUMBERS, ...PATHS, ...SYNTAX, ...PATTERNS, ...CHARACTERS]

const VALUES = [
  'null',
  'true',
  '0',
  '-1',
  '1e400',
  '{}',
  '[]',
  '[null]',
  '{"a": null}',
  '""',
  '"x"',
  '["x", 1]',
  '18446744073709551616',
  '{"length": 9}',
]

const MUTATIONS: readonly Mutation[] = [
  flipBits,
  flipBits,
  truncate,
  cutOut,
  repeatPart,
  splice,
  insertWord,
  insertWord,
  replaceWord,
  replaceWord,
  replaceValue,
  writeNumber,
  writeNumber,
  writeZeros,
  insertNoise,
  moveLine,
  longLine,
]

/** A damaged copy of the sample: one to four mutations on top of each other. */
export function mutate(bytes: Buffer, others: readonly Buffer[], random: Random): Buffer {
  let changed = bytes
  for (let left = 1 + random.below(MAX_MUTATIONS); left > 0; left -= 1) {
    changed = random.pick(MUTATIONS)({ bytes: changed, others, random }).subarray(0, MAX_BYTES)
  }
  return changed
}

function flipBits({ bytes, random }: Material): Buffer {
  const changed = Buffer.from(bytes)
  if (changed.length === 0) return changed
  for (let left = 1 + random.below(8); left > 0; left -= 1) changed[random.below(changed.length)]! ^= 1 << random.below(8)
  return changed
}

function truncate({ bytes, random }: Material): Buffer {
  return bytes.subarray(0, random.below(bytes.length + 1))
}

function cutOut({ bytes, random }: Material): Buffer {
  const [from, to] = range(bytes, random)
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])
}

function repeatPart({ bytes, random }: Material): Buffer {
  const [from, to] = range(bytes, random)
  const part = bytes.subarray(from, to)
  const times = Math.min(2 ** random.below(14), Math.floor(MAX_BYTES / Math.max(1, part.length)))
  return Buffer.concat([bytes.subarray(0, to), ...Array<Buffer>(times).fill(part), bytes.subarray(to)])
}

function splice({ bytes, others, random }: Material): Buffer {
  const other = random.pick(others)
  const [from, to] = range(other, random)
  const at = random.below(bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, at), other.subarray(from, to), bytes.subarray(random.chance(0.5) ? at : at + to - from)])
}

function insertWord({ bytes, random }: Material): Buffer {
  return insert(bytes, Buffer.from(random.pick(WORDS)), random.below(bytes.length + 1))
}

/** In text, one word (a run of letters and digits, or a quoted one) becomes another. */
function replaceWord({ bytes, random }: Material): Buffer {
  const text = bytes.toString('latin1')
  const found = [...text.slice(0, 65_536).matchAll(/"[^"\n]{0,64}"|[\w./-]+/g)]
  if (found.length === 0) return bytes
  const { 0: word, index } = random.pick(found)
  const other = random.chance(0.3) ? random.pick(found)[0] : Buffer.from(random.pick(WORDS)).toString('latin1')
  return Buffer.from(text.slice(0, index) + other + text.slice(index + word.length), 'latin1')
}

/** In JSON, YAML and the like: a value becomes one of another kind. */
function replaceValue(material: Material): Buffer {
  const { bytes, random } = material
  const text = bytes.toString('latin1')
  // Looked ahead at, so that values inside of values are found too.
  const values = /[:=]\s*(?=(\[[^[\]]{0,500}\]|\{[^{}]{0,500}\}|"[^"\n]{0,64}"|[\w.-]+))/g
  const found = [...text.slice(0, 65_536).matchAll(values)]
  if (found.length === 0) return replaceWord(material)
  const { 0: sign, 1: value = '', index } = random.pick(found)
  const at = index + sign.length
  return Buffer.from(text.slice(0, at) + random.pick(VALUES) + text.slice(at + value.length), 'latin1')
}

/** A number at the end of its type, in place of 1, 2, 4 or 8 bytes. */
function writeNumber({ bytes, random }: Material): Buffer {
  const changed = Buffer.from(bytes)
  const width = random.pick([1, 2, 4, 8])
  if (changed.length < width) return changed
  const value = random.pick([0n, 1n, 2n ** 7n, 2n ** 15n - 1n, 2n ** 16n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 63n, 2n ** 64n - 1n])
  const number = Buffer.alloc(8)
  if (random.chance(0.5)) number.writeBigUInt64LE(value)
  else number.writeBigUInt64BE(BigInt.asUintN(width * 8, value) << BigInt(64 - width * 8))
  // Headers lie at the start.
  const limit = random.chance(0.7) ? Math.min(changed.length, 1024) : changed.length
  number.copy(changed, random.below(Math.max(1, limit - width)), 0, width)
  return changed
}

function writeZeros({ bytes, random }: Material): Buffer {
  const [from, to] = range(bytes, random)
  return Buffer.concat([bytes.subarray(0, from), Buffer.alloc(to - from), bytes.subarray(to)])
}

function insertNoise({ bytes, random }: Material): Buffer {
  return insert(bytes, random.bytes(1 + random.below(64)), random.below(bytes.length + 1))
}

function moveLine({ bytes, random }: Material): Buffer {
  const lines = bytes.toString('latin1').split('\n')
  const [line] = lines.splice(random.below(lines.length), 1)
  lines.splice(random.below(lines.length + 1), 0, line ?? '')
  return Buffer.from(lines.join('\n'), 'latin1')
}

/** The same few characters up to 64 KiB long: deep nesting, and patterns that try again and again. */
function longLine({ bytes, random }: Material): Buffer {
  const unit = random.pick(UNITS)
  return insert(bytes, Buffer.from(unit.repeat(2 ** (4 + random.below(13))).slice(0, 65_536)), random.below(bytes.length + 1))
}

function insert(bytes: Buffer, part: Buffer, at: number): Buffer {
  return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)])
}

/** Mostly short, as fields are. */
function range(bytes: Buffer, random: Random): [from: number, to: number] {
  const from = random.below(bytes.length + 1)
  const length = random.chance(0.7) ? random.below(64) : random.below(bytes.length + 1)
  return [from, Math.min(bytes.length, from + length)]
}
