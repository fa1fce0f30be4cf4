import type { FastifyRequest } from 'fastify'
import { InstarError } from '@instar/contract'
import { mayAct, type RouteName } from '@instar/contract/api'
import type { Handlers } from '../http/call.ts'
import { baseUrlOf } from './base-url.ts'
import { listLinks, projectObject } from './people-wire.ts'
import { changePeople, newKeystoneId, refuseTaken, requireAnAdmin, requireProject, type PeopleDeps } from './people.ts'
import { rolesIn } from './tokens.ts'

export function projectRoutes(deps: PeopleDeps & { readonly publicUrl: string | undefined }) {
  const { db } = deps.store
  const base = (request: FastifyRequest) => baseUrlOf(request, deps.publicUrl)
  return {
    'projects.list': async ({ query, request }) => {
      const all = db.selectFrom('projects').selectAll().orderBy('name')
      const rows = await (query.name === undefined ? all : all.where('name', '=', query.name)).execute()
      return { projects: rows.map(row => projectObject(row, base(request))), links: listLinks(base(request), '/projects') }
    },
    'projects.create': async ({ body, request }) => {
      const { name, description, enabled } = body.project
      const values = { id: newKeystoneId(), name, description: description ?? '', enabled: enabled ?? true }
      const row = await refuseTaken('project', db.insertInto('projects').values(values).returningAll().executeTakeFirstOrThrow())
      return { project: projectObject(row, base(request)) }
    },
    'projects.show': async ({ params, caller, request }) => {
      const isOwn = mayAct(caller.roles, 'admin') || (await rolesIn(db, caller.userId, params.project_id)).length > 0
      if (!isOwn) throw new InstarError('api.not-found', `project ${params.project_id} was not found`)
      return { project: projectObject(await requireProject(db, params.project_id), base(request)) }
    },
    'projects.update': async ({ params, body, request }) => {
      const { name, description, enabled } = body.project
      const row = await changePeople(deps, async trx => {
        const old = await requireProject(trx, params.project_id)
        const values = {
          name: name ?? old.name,
          description: description ?? old.description,
          enabled: enabled ?? old.enabled,
          updated_at: deps.now(),
        }
        const update = trx.updateTable('projects').set(values).where('id', '=', old.id).returningAll()
        const row = await refuseTaken('project', update.executeTakeFirstOrThrow())
        await requireAnAdmin(trx)
        return row
      })
      return { project: projectObject(row, base(request)) }
    },
    'projects.delete': async ({ params }) => {
      await changePeople(deps, async trx => {
        const { id, name } = await requireProject(trx, params.project_id)
        const action = trx.selectFrom('actions').select('id').where('project_id', '=', id).where('deleted_at', 'is', null).limit(1)
        const endpoint = trx.selectFrom('endpoints').select('id').where('project_id', '=', id).where('deleted_at', 'is', null).limit(1)
        const used = (await action.executeTakeFirst()) ?? (await endpoint.executeTakeFirst())
        if (used !== undefined)
          throw new InstarError('api.in-use', `project "${name}" still holds transfers, deployments, minion pools or endpoints`)
        await trx.deleteFrom('projects').where('id', '=', id).execute()
        await requireAnAdmin(trx)
      })
    },
  } satisfies Partial<Handlers<RouteName>>
}
