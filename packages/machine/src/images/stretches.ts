/** Where the files of a chain hold the guest's data as the guest reads it: neither compressed nor encrypted. */
export interface PlainData {
  readonly files: readonly string[]
  /** In order, `STRETCH_NUMBERS` for each stretch: begin and end on the disk, the place of its file in `files`, the offset in that file. Bytes. */
  readonly stretches: readonly number[]
}

export const STRETCH_NUMBERS = 4
