/** A string as Python's repr() shows it: the messages of the original hold file names and arguments in this form. */
export function pythonText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escaped = Array.from(text, character => {
    if (character === '\\' || character === quote) return `\\${character}`
    const named = NAMED[character]
    if (named !== undefined) return named
    const code = character.codePointAt(0)!
    return code < 0x20 || (code >= 0x7f && code < 0xa1) || code === 0xad ? `\\x${code.toString(16).padStart(2, '0')}` : character
  })
  return `${quote}${escaped.join('')}${quote}`
}

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }
