import { PLATFORMS } from '@instar/contract/platforms'
import { parseKeys } from '@instar/store/keys'
import * as z from 'zod/mini'

// Every setting of the service, as one table: the YAML file, the environment, the flags of `instar serve`, docs/reference/configuration.md and
// the checks come from it.

interface SettingFacts {
  readonly about: string
  readonly env: string
  /** The option of `instar serve`, where it has one. */
  readonly flag?: string
  /** Its value is never shown. */
  readonly secret?: true
  /** What stands in the documentation where the default depends on the machine. */
  readonly defaultAbout?: string
}

export interface Setting<T> extends SettingFacts {
  readonly kind: 'text' | 'number' | 'choice' | 'list'
  readonly schema: z.ZodMiniType<T>
  readonly default: T | undefined
}

const text = (facts: SettingFacts & { default?: string }): Setting<string> => ({
  ...facts,
  kind: 'text',
  schema: z.string('is no text').check(z.minLength(1, 'is empty')),
  default: facts.default,
})

const count = (facts: SettingFacts & { default?: number; from: number; to: number }): Setting<number> => {
  const problem = `is no whole number from ${facts.from} to ${facts.to}`
  return {
    ...facts,
    kind: 'number',
    schema: z.int(problem).check(z.minimum(facts.from, problem), z.maximum(facts.to, problem)),
    default: facts.default,
  }
}

const choice = <const T extends string>(facts: SettingFacts & { default: NoInfer<T>; of: readonly T[] }): Setting<T> => ({
  ...facts,
  kind: 'choice',
  schema: z.enum(facts.of, `is none of ${facts.of.join(', ')}`),
})

/** A list in the file; elsewhere words separated by commas. */
const list = <const T extends string>(facts: SettingFacts & { default: NoInfer<T>[]; of: readonly T[] }): Setting<T[]> => ({
  ...facts,
  kind: 'list',
  schema: z.array(z.enum(facts.of, `is none of ${facts.of.join(', ')}`), 'is no list').check(z.minLength(1, 'is empty')),
  default: facts.default,
})

const days = (about: string, env: string): Setting<number> => count({ about, env, from: 1, to: 36_500, defaultAbout: 'for ever' })

const address = z.string('is no HOST:PORT').check(
  z.refine(value => {
    const port = Number(/^(?:\[[\da-fA-F:]+\]|[^\s:[\]]+):(\d{1,5})$/.exec(value)?.[1])
    return port >= 0 && port <= 65_535
  }, 'is no HOST:PORT'),
)
const httpUrl = z
  .string('is no http or https address')
  .check(z.refine(value => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), 'is no http or https address'))
/** Not by URL: PostgreSQL's own form for a socket, `postgres://user@/database?host=/folder`, has no host. */
const postgresUrl = z
  .string('is no postgres:// address')
  .check(z.refine(value => /^postgres(?:ql)?:\/\/\S+$/.test(value), 'is no postgres:// address'))

function areKeys(text: string): boolean {
  try {
    parseKeys(text, 'the secret key')
    return true
  } catch {
    return false
  }
}

export type AnySetting = Setting<string> | Setting<number> | Setting<string[]>

/** By their names in the YAML file; a dot is a level. */
export const SETTINGS = {
  data_dir: text({
    about: "Folder of the service: the embedded PostgreSQL, the key file `secret.key`, the workers' files.",
    env: 'INSTAR_DATA_DIR',
    flag: '--data-dir',
    defaultAbout: '`service` in the state folder (/var/lib/instar, or ~/.local/state/instar)',
  }),
  listen: {
    ...text({
      about: 'Address that the API is served at; port 0 = any free one.',
      env: 'INSTAR_LISTEN',
      flag: '--listen',
      default: '127.0.0.1:7667',
    }),
    schema: address,
  },
  role: choice({
    about: 'What this process does: serve the API, work, or both. Any number of processes of each role share one database.',
    env: 'INSTAR_ROLE',
    flag: '--role',
    default: 'all',
    of: ['all', 'api', 'worker'],
  }),
  public_url: {
    ...text({
      about: 'Address of the API for clients, in the catalog: scheme, host and port.',
      env: 'INSTAR_PUBLIC_URL',
      defaultAbout: 'as the client asked',
    }),
    schema: httpUrl,
  },
  'database.url': {
    ...text({
      about:
        'A PostgreSQL (15 or later) of yours, `postgres://USER:PASSWORD@HOST/DATABASE`; needed where more than one machine takes part.',
      env: 'DATABASE_URL',
      secret: true,
      defaultAbout: 'its own, below data_dir',
    }),
    schema: postgresUrl,
  },
  'database.connections': count({
    about: 'Connections to the database at once, for each process.',
    env: 'INSTAR_DATABASE_CONNECTIONS',
    default: 16,
    from: 4,
    to: 200,
  }),
  'database.pg_user': text({
    about: 'User that the embedded PostgreSQL runs as when the service runs as root, which PostgreSQL refuses for itself.',
    env: 'INSTAR_PG_USER',
    flag: '--pg-user',
    defaultAbout: 'the system user `instar`, made at need',
  }),
  secret_key: {
    ...text({
      about:
        'Keys that connection data and secrets are encrypted with: 32 bytes each, base64 or hex, the current one first, separated by commas.',
      env: 'INSTAR_SECRET_KEY',
      secret: true,
      defaultAbout: 'the file `secret.key` in data_dir, made at the first start',
    }),
    schema: z.string('is no text').check(z.refine(areKeys, 'holds what is no key of 32 bytes in base64 or hex')),
  },
  admin_password: text({
    about: 'Password of the user `admin`, who is made at the first start. It has no effect later.',
    env: 'INSTAR_ADMIN_PASSWORD',
    secret: true,
    defaultAbout: 'generated, and printed once',
  }),
  'identity.token_lifetime_s': count({
    about: 'How long a token is good, in seconds.',
    env: 'INSTAR_TOKEN_LIFETIME_S',
    default: 3600,
    from: 60,
    to: 604_800,
  }),
  'keystone.url': {
    ...text({
      about: 'A Keystone in place of the built-in users and projects: its v3 address. It must have the roles reader, member and admin.',
      env: 'INSTAR_KEYSTONE_URL',
      defaultAbout: 'users and projects of its own',
    }),
    schema: httpUrl,
  },
  'keystone.believed_s': count({
    about: 'How long a token that Keystone found valid is believed without asking again, in seconds.',
    env: 'INSTAR_KEYSTONE_BELIEVED_S',
    default: 60,
    from: 0,
    to: 3600,
  }),
  'keystone.user': text({
    about: 'User that looks up roles for timetables; without one they do not fire.',
    env: 'INSTAR_KEYSTONE_USER',
    defaultAbout: 'none',
  }),
  'keystone.password': text({ about: 'Password of that user.', env: 'INSTAR_KEYSTONE_PASSWORD', secret: true, defaultAbout: 'none' }),
  'keystone.project': text({ about: 'Project of that user.', env: 'INSTAR_KEYSTONE_PROJECT', default: 'service' }),
  'keystone.domain': text({ about: 'Domain of that user and project.', env: 'INSTAR_KEYSTONE_DOMAIN', default: 'Default' }),
  'key_manager.url': {
    ...text({
      about:
        "A Barbican: where an endpoint's connection data is `{secret_ref: ADDRESS}`, it is read there with the user's token. No other host is asked, whatever the address names.",
      env: 'INSTAR_KEY_MANAGER_URL',
      defaultAbout: "the public `key-manager` of the Keystone's catalog",
    }),
    schema: httpUrl,
  },
  'worker.name': text({
    about: 'How the services list names this worker; one process a name.',
    env: 'INSTAR_WORKER_NAME',
    defaultAbout: 'the name of the host',
  }),
  'worker.platforms': list({
    about: 'Platforms that this worker offers, a list. `simulator`, which only pretends, is offered nowhere but where it is named.',
    env: 'INSTAR_WORKER_PLATFORMS',
    default: ['disk-images'],
    of: PLATFORMS,
  }),
  'worker.steps': count({ about: 'Tasks at once in this worker.', env: 'INSTAR_WORKER_STEPS', default: 16, from: 1, to: 1000 }),
  'limits.per_endpoint': count({
    about: 'Tasks at once on one endpoint, by all workers. What is over it waits.',
    env: 'INSTAR_LIMIT_PER_ENDPOINT',
    from: 1,
    to: 10_000,
    defaultAbout: 'no limit',
  }),
  'limits.per_project': count({
    about: 'Tasks at once of one project, by all workers. What is over it waits.',
    env: 'INSTAR_LIMIT_PER_PROJECT',
    from: 1,
    to: 10_000,
    defaultAbout: 'no limit',
  }),
  'retention.executions': count({
    about: 'Ended executions that are kept of each transfer; the newest one always is.',
    env: 'INSTAR_RETENTION_EXECUTIONS',
    from: 1,
    to: 1_000_000,
    defaultAbout: 'all',
  }),
  'retention.execution_days': days(
    'Days that ended executions are kept, with their tasks and script runs.',
    'INSTAR_RETENTION_EXECUTION_DAYS',
  ),
  'retention.event_days': days('Days that events are kept.', 'INSTAR_RETENTION_EVENT_DAYS'),
  'retention.output_days': days('Days that the output of scripts is kept; their records stay.', 'INSTAR_RETENTION_OUTPUT_DAYS'),
  'webhook.url': {
    ...text({
      about: 'Where failures are sent, as JSON. Switched on later, it gets those of the last 10 minutes first.',
      env: 'INSTAR_WEBHOOK_URL',
      defaultAbout: 'nowhere',
    }),
    schema: httpUrl,
  },
  'webhook.secret': text({
    about: 'Key of the signature: header `X-Instar-Signature: sha256=` and the HMAC of the time, a dot and the body.',
    env: 'INSTAR_WEBHOOK_SECRET',
    secret: true,
    defaultAbout: 'none; needed with webhook.url',
  }),
  'log.level': choice({
    about: 'The least important lines that the log has. It goes to stderr and to `logs` in data_dir.',
    env: 'INSTAR_LOG_LEVEL',
    default: 'info',
    of: ['debug', 'info', 'warn', 'error'],
  }),
} as const satisfies Record<string, AnySetting>

export type SettingName = keyof typeof SETTINGS

type ValueOf<S> = S extends Setting<infer T> ? T : never
/** What a setting may be undefined: those without a default. */
export type Config = { readonly [N in SettingName]: ValueOf<(typeof SETTINGS)[N]> | undefined }
