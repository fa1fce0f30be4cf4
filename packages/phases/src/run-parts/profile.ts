/** How long a script took. */
export interface ProfileRow {
  readonly name: string
  readonly seconds: number
}

const NAME_WIDTH = 40
const SECONDS_WIDTH = 10

/** The lines of the table at the end of a good run, rows in the order of the run. */
export function profileLines(target: string, rows: readonly ProfileRow[]): string[] {
  return [
    '----------------------- PROFILING -----------------------',
    '',
    `Target: ${target}`,
    '',
    `${'Script'.padEnd(NAME_WIDTH)} ${'Seconds'.padStart(SECONDS_WIDTH - 1)}`,
    `${'-'.repeat(NAME_WIDTH - 1).padEnd(NAME_WIDTH)} ${'-'.repeat(SECONDS_WIDTH)}`,
    '',
    ...rows.map(({ name, seconds }) => `${name.padEnd(NAME_WIDTH)} ${seconds.toFixed(3).padStart(SECONDS_WIDTH)}`),
    '',
    '--------------------- END PROFILING ---------------------',
  ]
}
