/** A command line as records may have it: a key given as text (`--key all:text:...`) is in none. A selector may hold blanks. */
export function maskKeys(argv: readonly string[]): string[] {
  return argv.map(word => word.replace(/^((?:--key=)?.*?:text:).+$/s, '$1***'))
}
