/** The numbers a version starts with: "22.04" is [22, 4], "9.4 (Plow)" is [9, 4], "trixie/sid" is []. */
export function versionParts(text: string): number[] {
  const leading = /^\s*v?(\d{1,9}(?:\.\d{1,9}){0,7})(?!\d)/.exec(text)
  return leading === null ? [] : leading[1]!.split('.').map(Number)
}

/** Number by number, so that 22.10 is more than 22.4 and 12 is at least 12.0. A version without numbers is a rolling one: at least anything. */
export function isAtLeast(version: readonly number[], wanted: readonly number[]): boolean {
  if (version.length === 0) return true
  for (const [at, part] of wanted.entries()) {
    const mine = version[at] ?? 0
    if (mine !== part) return mine > part
  }
  return true
}
