import { ERRORS } from '@instar/contract'

/** The page of all error codes, from the table in `contract`. */
export function renderErrors(): string {
  const rows = Object.entries(ERRORS)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, entry]) => `| \`${code}\` | ${entry.exit} | ${entry.status} | ${entry.fault} | ${entry.hint} |`)
  return `# Errors

Made by \`npm run generate\` from \`packages/contract/src/errors.ts\`. \`exit\` is the exit code of the CLI, \`status\` the HTTP status of the
service, \`fault\` tells whose turn it is: the user's, nobody's (transient: the same may work later), ours (bug).

| code | exit | status | fault | hint |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`
}
