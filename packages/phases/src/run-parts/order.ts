/**
 * Script names in the order of the number that they begin with, of any length and sign, then of the bytes of the whole name: `9-x`, `10-B`,
 * `10-a`, `100`. A name without a number counts as 0. It is what `sort -n` does in the C locale.
 */
export function inScriptOrder(names: readonly string[]): string[] {
  return names
    .map(keyOf)
    .sort(compareKeys)
    .map(({ name }) => name)
}

export function compareScripts(a: string, b: string): number {
  return compareKeys(keyOf(a), keyOf(b))
}

interface Key {
  readonly name: string
  readonly number: Decimal
}

function keyOf(name: string): Key {
  return { name, number: leadingNumber(name) }
}

function compareKeys(a: Key, b: Key): number {
  return compareNumbers(a.number, b.number) || compareBytes(a.name, b.name)
}

/** Orders by the bytes of UTF-8, which is not the order of JavaScript's own comparison for characters beyond U+FFFF. */
export function compareBytes(a: string, b: string): number {
  return isAscii(a) && isAscii(b) ? (a < b ? -1 : Number(a > b)) : Buffer.compare(Buffer.from(a), Buffer.from(b))
}

interface Decimal {
  readonly isNegative: boolean
  /** Without leading zeros; empty for 0. */
  readonly whole: string
  /** Without trailing zeros. */
  readonly fraction: string
}

function leadingNumber(name: string): Decimal {
  const [, sign, whole, fraction] = /^[ \t\n]*(-?)(\d*)(?:\.(\d*))?/.exec(name)!
  const digits = { whole: whole!.replace(/^0+/, ''), fraction: (fraction ?? '').replace(/0+$/, '') }
  return { ...digits, isNegative: sign === '-' && digits.whole + digits.fraction !== '' }
}

function compareNumbers(a: Decimal, b: Decimal): number {
  if (a.isNegative !== b.isNegative) return a.isNegative ? -1 : 1
  const order = a.whole.length - b.whole.length || compareBytes(a.whole, b.whole) || compareBytes(a.fraction, b.fraction)
  return a.isNegative ? -order : order
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) return false
  return true
}

/** Whether two names begin with the same number: such scripts may run at the same time. */
export function haveSameNumber(a: string, b: string): boolean {
  return compareNumbers(leadingNumber(a), leadingNumber(b)) === 0
}
