import { LOG_LEVELS } from './options.ts'

const PROGRAM = 'os-refresh-config'
const LEVELS = `{${LOG_LEVELS.join(',')}}`

const OPTIONS = [
  { words: '[-h]', left: '-h, --help', help: 'Show this help and end.' },
  { words: '[--print-base]', left: '--print-base', help: 'Print the base directory and end.' },
  { words: '[--print-phases]', left: '--print-phases', help: 'Print the phases in their order, separated by tabs, and end.' },
  { words: `[--log-level ${LEVELS}]`, left: `--log-level ${LEVELS}`, help: '' },
  { words: '[--lockfile LOCKFILE]', left: '--lockfile LOCKFILE', help: 'The file whose lock keeps a second run out.' },
  {
    words: '[--timeout TIMEOUT]',
    left: '--timeout TIMEOUT',
    help: 'Seconds after which the run is ended with all its processes; 0 for no limit.',
  },
] as const

const ABOUT = `Runs the scripts of the phases pre-configure, configure, post-configure and migration below the base directory, one after the other. A \
script that fails ends the run; then those of error.d run. The environment variable OS_REFRESH_CONFIG_BASE_DIR names another base directory.`

/** Where the words about an option begin. */
const HELP_COLUMN = 24

/** The usage lines, wrapped to so many columns, with a newline at the end. */
export function usageText(columns: number): string {
  const head = `usage: ${PROGRAM} `
  return `${wrap(
    OPTIONS.map(option => option.words),
    { first: head, indent: ' '.repeat(head.length), columns },
  )}\n`
}

export function helpText(columns: number): string {
  const options = OPTIONS.map(({ left, help }) => {
    const indent = ' '.repeat(HELP_COLUMN)
    if (help === '') return `  ${left}`
    const fits = left.length + 4 <= HELP_COLUMN
    const words = wrap(help.split(' '), { first: fits ? `  ${left}`.padEnd(HELP_COLUMN) : indent, indent, columns })
    return fits ? words : `  ${left}\n${words}`
  })
  const about = wrap(ABOUT.split(' '), { first: '', indent: '', columns })
  return `${usageText(columns)}\n${about}\n\noptions:\n${options.join('\n')}\n`
}

function wrap(words: readonly string[], { first, indent, columns }: { first: string; indent: string; columns: number }): string {
  const lines: string[] = []
  let line = first
  for (const word of words) {
    const isFresh = line === first || line === indent
    const longer = isFresh ? line + word : `${line} ${word}`
    if (longer.length <= columns || isFresh) {
      line = longer
      continue
    }
    lines.push(line)
    line = indent + word
  }
  return [...lines, line].join('\n')
}
