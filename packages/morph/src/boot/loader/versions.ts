/** Compares kernel versions and BLS ids piece by piece, numbers as numbers, `~` before everything: the order of rpm and of GRUB's blscfg. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [pieces(left), pieces(right)]
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const [x, y] = [a[index], b[index]]
    if (x === y) continue
    if (x === '~' || y === '~') return x === '~' ? -1 : 1
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1
    const [xIsNumber, yIsNumber] = [/^\d/.test(x), /^\d/.test(y)]
    if (xIsNumber !== yIsNumber) return xIsNumber ? 1 : -1
    const order = xIsNumber ? compareNumbers(x, y) : x < y ? -1 : 1
    if (order !== 0) return order
  }
  return 0
}

function pieces(version: string): string[] {
  return version.match(/\d+|[A-Za-z]+|~/g) ?? []
}

/** By length first: a number of any length, without rounding. */
function compareNumbers(left: string, right: string): number {
  const [a, b] = [left.replace(/^0+/, ''), right.replace(/^0+/, '')]
  if (a.length !== b.length) return a.length - b.length
  return a === b ? 0 : a < b ? -1 : 1
}
