import type { Command } from 'commander'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { addShowOptions, type OutputOptions } from '../output/options.ts'
import { printOne } from '../output/print.ts'
import { connect } from '../service/connect.ts'
import type { Login } from '../service/token-cache.ts'

const FIELDS: readonly Column<Login>[] = [
  { name: 'id', of: one => one.token },
  { name: 'expires', of: one => one.expires_at },
  { name: 'project_id', of: one => one.project.id },
  { name: 'project', of: one => one.project.name },
  { name: 'user_id', of: one => one.user.id },
  { name: 'user', of: one => one.user.name },
  { name: 'roles', of: one => one.roles },
]

/** `instar token ...`. */
export function register(noun: Command, context: Context): void {
  const issue = noun.command('issue').description('Logs in and prints the token, for other programs (OS_TOKEN, X-Auth-Token).')
  addShowOptions(issue, FIELDS).action(async (options: OutputOptions, command: Command) => {
    await printOne(context.stdout, options, FIELDS, await connect(context, command).login({ renew: true }))
  })
  noun
    .command('revoke')
    .description('Ends a token: the named one, else the one that earlier commands keep.')
    .argument('[token]', 'a token')
    .action(async (token: string | undefined, _options: object, command: Command) => {
      const api = connect(context, command)
      const ended = token ?? (await api.login()).token
      await api.json('DELETE', api.identityPath('auth/tokens'), { headers: { 'x-subject-token': ended } })
      await api.forget(ended)
    })
}
