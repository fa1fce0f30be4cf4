import type { Command } from 'commander'
import type { Project } from '@instar/contract/api'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { addShowOptions, type OutputOptions } from '../output/options.ts'
import { printOne } from '../output/print.ts'
import type { Api } from '../service/api.ts'
import { connect } from '../service/connect.ts'
import { projectId } from '../service/people.ts'
import { addDeleteVerb, addEnabledOptions, addListVerb, addShowVerb, enabledOf } from './verbs.ts'

const COLUMNS: readonly Column<Project>[] = [
  { name: 'ID', of: row => row.id },
  { name: 'Name', of: row => row.name },
  { name: 'Description', of: row => row.description },
  { name: 'Enabled', of: row => row.enabled },
]

interface ProjectOptions extends OutputOptions {
  readonly name?: string
  readonly description?: string
  readonly enabled?: boolean
  readonly disabled?: boolean
}

const ARGUMENT = ['name', 'id or name'] as const
const pathOf = async (api: Api, wanted: string) => api.identityPath(`projects/${await projectId(api, wanted)}`)

/** `instar project ...`. */
export function register(noun: Command, context: Context): void {
  addListVerb(noun, context, {
    about: 'All projects.',
    columns: COLUMNS,
    read: async api => (await api.get<{ projects: Project[] }>(api.identityPath('projects'))).projects,
  })
  addShowVerb(noun, context, {
    about: 'One project.',
    argument: ARGUMENT,
    fields: COLUMNS,
    read: async (api, wanted) => (await api.get<{ project: Project }>(await pathOf(api, wanted))).project,
  })
  const create = noun
    .command('create')
    .description('Makes a project.')
    .argument('<name>', 'name of the project')
    .option('--description <text>', 'what it is for')
  addShowOptions(addEnabledOptions(create), COLUMNS).action(async (name: string, options: ProjectOptions, command: Command) => {
    const api = connect(context, command)
    const body = { project: { name, description: options.description, enabled: enabledOf(options) } }
    const { project } = await api.post<{ project: Project }>(api.identityPath('projects'), body)
    await printOne(context.stdout, options, COLUMNS, project)
  })
  const update = noun
    .command('update')
    .description('Changes what is named.')
    .argument('<name>', 'id or name')
    .option('--name <name>', 'new name')
    .option('--description <text>', 'what it is for')
  addShowOptions(addEnabledOptions(update), COLUMNS).action(async (wanted: string, options: ProjectOptions, command: Command) => {
    const api = connect(context, command)
    const body = { project: { name: options.name, description: options.description, enabled: enabledOf(options) } }
    const { project } = await api.json<{ project: Project }>('PATCH', await pathOf(api, wanted), { body })
    await printOne(context.stdout, options, COLUMNS, project)
  })
  addDeleteVerb(noun, context, { about: 'Deletes a project that holds nothing.', argument: ARGUMENT, path: pathOf })
}
