import { fstatSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { DEATH_WORD_BYTES, deathWordLength } from '../../run-parts/death-word.ts'
import { readRange } from './kept.ts'
import type { OutputFile, Slot } from './slots.ts'

/** What was printed faster than it could be shown is passed over beyond this; the files have it. */
const MAX_BEHIND_BYTES = 16 * 1024 * 1024

export interface Follower {
  /** Hands over what came since the last call. */
  poll(): void
  /** The same for the last time, with the beginning of a character that never ended. */
  end(): void
  readonly stdoutBytes: number
  readonly stderrBytes: number
}

/** Reads the output of a running script from its files, as text. */
export function follow(slot: Slot, take: (stream: 'stdout' | 'stderr', text: string) => void): Follower {
  const stdout = new Tail(slot.stdout, text => take('stdout', text))
  const stderr = new Tail(slot.stderr, text => take('stderr', text))
  return {
    poll: () => {
      stdout.poll()
      stderr.poll()
    },
    end: () => {
      stdout.end()
      stderr.end()
    },
    get stdoutBytes() {
      return stdout.size
    },
    get stderrBytes() {
      return stderr.size
    },
  }
}

class Tail {
  readonly #file: OutputFile
  readonly #take: (text: string) => void
  #decoder: StringDecoder | undefined
  size = 0

  constructor(file: OutputFile, take: (text: string) => void) {
    this.#file = file
    this.#take = take
  }

  /** A shell's word about the script's death may be there for a moment: it is held back until something follows it, or the end. */
  poll(isLast = false): void {
    const whole = fstatSync(this.#file.fd).size
    const size = isLast ? whole : whole - this.#deathWordLength(whole)
    if (size <= this.size) return
    this.#decoder ??= new StringDecoder('utf8')
    const behind = size - this.size
    if (behind > MAX_BEHIND_BYTES) {
      this.#take(`\n[${behind - MAX_BEHIND_BYTES} bytes not shown here]\n`)
      this.size = size - MAX_BEHIND_BYTES
    }
    for (const piece of readRange(this.#file.fd, this.size, size)) {
      const text = this.#decoder.write(piece)
      if (text !== '') this.#take(text)
    }
    this.size = size
  }

  #deathWordLength(to: number): number {
    const from = Math.max(this.size, to - DEATH_WORD_BYTES)
    return from >= to ? 0 : deathWordLength(Buffer.concat([...readRange(this.#file.fd, from, to)]).toString('latin1'))
  }

  end(): void {
    this.poll(true)
    const rest = this.#decoder?.end() ?? ''
    if (rest !== '') this.#take(rest)
  }
}
