import type { LocalTime } from './local-time.ts'
import { writeAll } from './write-all.ts'

const STDERR = 2

/** Writes the runner's own lines: `NAME DATE TEXT`, one write for all lines given. */
export type Messages = (...lines: readonly string[]) => void

export function createMessages(name: string, time: LocalTime): Messages {
  return (...lines) => {
    const prefix = `${name} ${time.date(new Date())} `
    writeAll(STDERR, lines.map(line => `${prefix}${line}\n`).join(''))
  }
}

/** The usage text, without a prefix. */
export function usageText(name: string): string {
  return `Usage: ${name} [OPTION] scripts_directory
Option:
      --list  print names of all valid files

Examples:
      ${name} --list /opt/stack/os-config-refresh/configure.d/
      ${name} /opt/stack/os-config-refresh/configure.d/
`
}
