/**
 * The assignments of a file that a shell would source (os-release, ifcfg-*, lsb-release), one a line: quotes, backslashes, comments, CR LF.
 * Nothing is expanded; a later assignment wins. Lines that are no assignment are passed over.
 */
export function parseShellValues(text: string): Map<string, string> {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const found = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(line.replace(/\r$/, ''))
    if (found !== null) values.set(found[1]!, wordOf(found[2]!))
  }
  return values
}

/** The first shell word, without its quotes. */
function wordOf(text: string): string {
  let word = ''
  let quote = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    if (quote === '' && /\s|;/.test(char)) break
    if (char === quote) quote = ''
    else if (quote === '' && (char === '"' || char === "'")) quote = char
    else if (char === '\\' && quote !== "'" && at + 1 < text.length) word += unescaped(text[++at]!, quote)
    else word += char
  }
  return word
}

/** Within double quotes a backslash only escapes what is special there. */
function unescaped(char: string, quote: string): string {
  return quote === '"' && !/["\\$`]/.test(char) ? `\\${char}` : char
}
