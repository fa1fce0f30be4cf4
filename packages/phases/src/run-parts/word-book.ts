/** From this length on a word that comes again is worth a variable. */
const LONG = 16

/**
 * Words of the commands to a driver, quoted. A long one that comes again gets a variable in the driver: bash reads its commands byte by byte,
 * so that folders and files for output, which hundreds of scripts share, would cost more than anything else.
 */
export class WordBook {
  readonly #seen = new Map<string, string | undefined>()
  readonly #commands = new Map<string, string>()
  #made = 0
  #definitions = ''

  /** The word for the shell. Definitions that it needs are taken by `takeDefinitions`, before the command. */
  word(text: string): string {
    if (text.length < LONG) return quote(text)
    const known = this.#seen.get(text)
    if (known !== undefined) return `"$${known}"`
    if (!this.#seen.has(text)) {
      this.#seen.set(text, undefined)
      return quote(text)
    }
    this.#made += 1
    const name = `__instar_${this.#made}`
    this.#seen.set(text, name)
    this.#definitions += `${name}=${quote(text)}\n`
    return `"$${name}"`
  }

  /** The name of a function of the driver with this body. */
  command(body: string): string {
    const known = this.#commands.get(body)
    if (known !== undefined) return known
    const name = `__instar_c${this.#commands.size}`
    this.#commands.set(body, name)
    this.#definitions += `${name}() ${body}\n`
    return name
  }

  takeDefinitions(): string {
    const definitions = this.#definitions
    this.#definitions = ''
    return definitions
  }
}

/** A word of the shell that stands for exactly this text. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
