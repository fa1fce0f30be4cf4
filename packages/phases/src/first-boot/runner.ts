import { readFileSync } from 'node:fs'

/** In the order in which they make one script: functions first, the call of `main` last. */
const PARTS = ['head', 'records', 'processes', 'output', 'report', 'masks', 'secrets', 'attempt', 'machine', 'run', 'main'] as const

/** The POSIX sh program that runs on the replica. */
export function firstBootRunner(): string {
  return PARTS.map(part => readFileSync(new URL(`./runner/${part}.sh`, import.meta.url), 'utf8')).join('\n')
}
