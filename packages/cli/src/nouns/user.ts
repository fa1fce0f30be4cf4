import type { Command } from 'commander'
import { InstarError } from '@instar/contract/errors'
import type { RoleAssignment, User } from '@instar/contract/api'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { readFile } from '../output/json-option.ts'
import { addShowOptions, type OutputOptions } from '../output/options.ts'
import { printOne } from '../output/print.ts'
import type { Api } from '../service/api.ts'
import { askPassword } from '../service/ask-password.ts'
import { connect } from '../service/connect.ts'
import { projectId, roleId, userId } from '../service/people.ts'
import { addDeleteVerb, addEnabledOptions, addListVerb, addShowVerb, enabledOf } from './verbs.ts'

const COLUMNS: readonly Column<User>[] = [
  { name: 'ID', of: row => row.id },
  { name: 'Name', of: row => row.name },
  { name: 'Email', of: row => row.email },
  { name: 'Description', of: row => row.description },
  { name: 'Enabled', of: row => row.enabled },
  { name: 'Default Project ID', of: row => row.default_project_id },
]

interface UserOptions extends OutputOptions {
  readonly name?: string
  readonly email?: string
  readonly description?: string
  readonly passwordFile?: string
  readonly enabled?: boolean
  readonly disabled?: boolean
}

const ARGUMENT = ['user', 'id or name'] as const
const pathOf = async (api: Api, wanted: string) => api.identityPath(`users/${await userId(api, wanted)}`)

/** `instar user ...`. */
export function register(noun: Command, context: Context): void {
  addListVerb(noun, context, {
    about: 'All users.',
    columns: COLUMNS,
    read: async api => (await api.get<{ users: User[] }>(api.identityPath('users'))).users,
  })
  addShowVerb(noun, context, {
    about: 'One user.',
    argument: ARGUMENT,
    fields: COLUMNS,
    read: async (api, wanted) => (await api.get<{ user: User }>(await pathOf(api, wanted))).user,
  })
  const create = noun
    .command('create')
    .description('Makes a user. The password comes from a file, or is asked for.')
    .argument('<name>', 'name of the user')
  addShowOptions(addUserOptions(create), COLUMNS).action(async (name: string, options: UserOptions, command: Command) => {
    const api = connect(context, command)
    const password = await newPassword(context, options)
    const body = { user: { ...userFields(options), name, password } }
    const { user } = await api.post<{ user: User }>(api.identityPath('users'), body)
    await printOne(context.stdout, options, COLUMNS, user)
  })
  const update = noun
    .command('update')
    .description('Changes what is named.')
    .argument('<user>', 'id or name')
    .option('--name <name>', 'new name')
  addShowOptions(addUserOptions(update), COLUMNS).action(async (wanted: string, options: UserOptions, command: Command) => {
    const api = connect(context, command)
    const password = options.passwordFile === undefined ? undefined : await newPassword(context, options)
    const body = { user: { ...userFields(options), name: options.name, password } }
    const { user } = await api.json<{ user: User }>('PATCH', await pathOf(api, wanted), { body })
    await printOne(context.stdout, options, COLUMNS, user)
  })
  addDeleteVerb(noun, context, { about: 'Deletes a user; his tokens end at once.', argument: ARGUMENT, path: pathOf })
  registerRoles(noun, context)
}

interface Assignment {
  readonly user: string | undefined
  readonly project: string | undefined
  readonly role: string | undefined
}

const ROLE_COLUMNS: readonly Column<Assignment>[] = [
  { name: 'User', of: row => row.user },
  { name: 'Project', of: row => row.project },
  { name: 'Role', of: row => row.role },
]

function registerRoles(noun: Command, context: Context): void {
  const role = noun.command('role').description('Who may do what in which project: reader, member, admin.')
  addListVerb(role, context, {
    about: 'All roles of all users.',
    columns: ROLE_COLUMNS,
    read: async api => {
      const path = api.identityPath('role_assignments')
      const answer = await api.get<{ role_assignments: RoleAssignment[] }>(path, { include_names: 'true' })
      return answer.role_assignments.map(({ user, scope, role: one }) => ({
        user: user.name ?? user.id,
        project: scope.project.name ?? scope.project.id,
        role: one.name ?? one.id,
      }))
    },
  })
  for (const [name, method, about] of [
    ['add', 'PUT', 'Gives a user a role in a project.'],
    ['remove', 'DELETE', 'Takes a role in a project from a user.'],
  ] as const) {
    role
      .command(name)
      .description(about)
      .argument('<user>', 'id or name')
      .argument('<role>', 'reader, member or admin')
      .requiredOption('--in <project>', 'id or name of the project')
      .action(async (user: string, wanted: string, options: { in: string }, command: Command) => {
        const api = connect(context, command)
        const path = `projects/${await projectId(api, options.in)}/users/${await userId(api, user)}/roles/${await roleId(api, wanted)}`
        await api.json(method, api.identityPath(path))
      })
  }
}

function addUserOptions(command: Command): Command {
  return addEnabledOptions(command)
    .option('--email <address>', 'address')
    .option('--description <text>', 'who it is')
    .option('--password-file <file>', 'file whose first line is the password')
}

function userFields(options: UserOptions): object {
  return { email: options.email, description: options.description, enabled: enabledOf(options) }
}

async function newPassword(context: Context, { passwordFile }: UserOptions): Promise<string> {
  if (passwordFile === undefined) return askTwice(context)
  const [line = ''] = readFile(passwordFile).split(/\r?\n/)
  if (line === '') throw new InstarError('usage.bad-argument', `the first line of ${passwordFile} is empty`)
  return line
}

/** What nobody sees may be mistyped. */
async function askTwice(context: Context): Promise<string> {
  const ask = (question: string) => askPassword(context, question, 'Give --password-file.')
  const password = await ask('New password: ')
  if (password === '') throw new InstarError('usage.bad-argument', 'the new password is empty')
  if ((await ask('The same again: ')) !== password) throw new InstarError('usage.bad-argument', 'the two passwords are not the same')
  return password
}
