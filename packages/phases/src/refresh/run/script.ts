import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A script of a phase directory, in its place. */
export interface Script {
  readonly name: string
  readonly path: string
  /** From 1. */
  readonly order: number
}

/** SHA-256 of the file as hexadecimal digits; empty where it may be executed but not read. */
export function hashOf(path: string): string {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex')
  } catch {
    return ''
  }
}
