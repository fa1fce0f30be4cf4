/** An answer that is JSON already, made of objects that were checked against their schema when they were written. */
export class JsonText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** A row of a list, with what changes whenever any of its columns does. */
export interface RowVersion {
  readonly id: string
  readonly version: string
}

interface WrittenRow extends RowVersion {
  readonly text: string
}

/** Characters that are kept; twice the bytes at worst. */
const MAX_CHARS = 32 * 1024 * 1024

/**
 * The JSON of rows by their versions, so that a list that is asked for again and again (every page of the web UI does) decrypts, checks and writes
 * only what has changed. Holds what answers show, and no secret.
 */
export class RowTexts {
  readonly #texts = new Map<string, WrittenRow>()
  #chars = 0

  /** The texts of the rows in their order; `write` makes those that are missing, by the versions that it finds. A row that is gone is left out. */
  async of(rows: readonly RowVersion[], write: (ids: string[]) => Promise<readonly WrittenRow[]>): Promise<string[]> {
    const missing = rows.filter(({ id, version }) => this.#texts.get(id)?.version !== version)
    const written = missing.length === 0 ? [] : await write(missing.map(({ id }) => id))
    const fresh = new Map(written.map(row => [row.id, row.text]))
    const isMissing = new Set(missing.map(({ id }) => id))
    const texts = rows.map(({ id }) => (isMissing.has(id) ? fresh.get(id) : this.#texts.get(id)?.text))
    for (const row of written) this.#keep(row)
    return texts.filter(text => text !== undefined)
  }

  #keep(row: WrittenRow): void {
    this.#chars += row.text.length - (this.#texts.get(row.id)?.text.length ?? 0)
    this.#texts.delete(row.id)
    this.#texts.set(row.id, row)
    // The first of a map is what was written longest ago.
    for (const [id, { text }] of this.#texts) {
      if (this.#chars <= MAX_CHARS) break
      this.#texts.delete(id)
      this.#chars -= text.length
    }
  }
}
