import type { Command } from 'commander'
import type { Context } from './context.ts'

/** A noun adds its verbs to its command; `finish` takes the exit code of one that ends without an error. */
export type RegisterVerbs = (noun: Command, context: Context, finish: (exitCode: number) => void) => void

interface Noun {
  readonly name: string
  readonly about: string
  /** Loaded only when the command line speaks of the noun: a start does not pay for commands that it does not run. */
  readonly load: () => Promise<{ register: RegisterVerbs }>
}

/** What the service knows, named and grouped as in Coriolis' own client. */
export const NOUNS: readonly Noun[] = [
  { name: 'endpoint', about: 'Stored connections to platforms.', load: () => import('./nouns/endpoint.ts') },
  { name: 'provider', about: 'Platforms that workers can reach.', load: () => import('./nouns/provider.ts') },
  {
    name: 'transfer',
    about: 'Which machines are copied from where to where; their executions, timetables, disks.',
    load: () => import('./nouns/transfer.ts'),
  },
  { name: 'deployment', about: 'Bootable machines made of copied disks.', load: () => import('./nouns/deployment.ts') },
  { name: 'script', about: 'What scripts did and printed, here and in the service.', load: () => import('./nouns/script.ts') },
  { name: 'minion', about: 'Helper machines.', load: () => import('./nouns/minion.ts') },
  { name: 'region', about: 'Groups of workers and endpoints.', load: () => import('./nouns/region.ts') },
  { name: 'service', about: 'Workers.', load: () => import('./nouns/service.ts') },
  { name: 'user', about: 'Users and their roles.', load: () => import('./nouns/user.ts') },
  { name: 'project', about: 'Projects, which never see each other.', load: () => import('./nouns/project.ts') },
  { name: 'token', about: 'Log-ins.', load: () => import('./nouns/token.ts') },
  { name: 'log', about: 'Logs of the service.', load: () => import('./nouns/log.ts') },
  { name: 'diagnostics', about: 'Facts about the processes of the service.', load: () => import('./nouns/diagnostics.ts') },
]
