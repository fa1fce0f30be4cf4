/** A MAC address in any usual form, lower case with colons; `undefined` when the text is none. */
export function parseMac(text: string | undefined): string | undefined {
  const plain = (text ?? '').trim().toLowerCase()
  const hex = plain.replaceAll(/[:.-]/g, '')
  const isMac = /^(?:[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2})$/.test(plain)
  return isMac ? hex.match(/../g)!.join(':') : undefined
}

/** Addresses with colons or dashes, and as the twelve digits that names like enx525400123456 hold. */
const MAC = /(?<![0-9A-Fa-f:-])[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![0-9A-Fa-f]|[:-][0-9A-Fa-f])/g

/**
 * The text with each address of the map replaced, all at once (a chain A to B, B to C stays right), in lower case and with the separator
 * that was there. udev compares text: an upper-case address in a rule never matches.
 */
export function replaceMacs(text: string, changes: ReadonlyMap<string, string>): string {
  return text.replaceAll(MAC, (found, separator: string) => {
    const fresh = changes.get(parseMac(found)!)
    return fresh === undefined ? found : fresh.replaceAll(':', separator)
  })
}

/** The addresses that a text holds, each once. */
export function macsIn(text: string): string[] {
  return [...new Set([...text.matchAll(MAC)].map(found => parseMac(found[0])!))]
}
