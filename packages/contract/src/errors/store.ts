import type { ErrorEntry } from './entry.ts'

/** Of the service's database and of the secrets in it. */
export const STORE_ERRORS = {
  'store.bad-user': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'PostgreSQL does not run as root. Name a system user that exists with --pg-user, or let Instar make the user instar (it needs useradd).',
  },
  'store.unreachable-folder': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Every folder above the data folder must let other users pass (chmod o+x), because PostgreSQL does not run as root.',
  },
  'store.in-use': {
    exit: 75,
    status: 503,
    fault: 'user',
    hint: 'Another process of Instar has its PostgreSQL on this data folder. Stop it, or connect to that server with DATABASE_URL.',
  },
  'store.no-binaries': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Run npm install without --omit=optional, or name a PostgreSQL server of yours with DATABASE_URL.',
  },
  'store.tool-missing': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Install the package named, or use a server of yours with DATABASE_URL.',
  },
  'store.other-version': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Start the version of Instar that made the data folder, and move the data to the new server with pg_dump.',
  },
  'store.start-failed': { exit: 1, status: 500, fault: 'user', hint: "The last lines of the server's log are in the message." },
  'store.unavailable': {
    exit: 1,
    status: 503,
    fault: 'transient',
    hint: 'PostgreSQL does not answer. Instar goes on by itself once it does.',
  },
  'store.refused': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'DATABASE_URL (database.url) names a host, user, password and database: the database must be there and belong to the user. Try it: psql "$DATABASE_URL".',
  },
  'store.newer-schema': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'A newer Instar has changed this database. Start that version or a later one.',
  },
  'store.bad-key': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'A key is 32 bytes in base64 or hex, one a line, the current one first: openssl rand -base64 32.',
  },
  'store.unknown-key': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'The value was encrypted with another key. Add that key to the key file, below the current one.',
  },
  'store.damaged-secret': {
    exit: 1,
    status: 500,
    fault: 'bug',
    hint: 'An encrypted value was changed or moved in the database. Restore the row.',
  },
} as const satisfies Record<string, ErrorEntry>
