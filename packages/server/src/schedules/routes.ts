import { InstarError } from '@instar/contract'
import type { RouteName } from '@instar/contract/api'
import type { ApiDeps } from '../api-deps.ts'
import type { Handlers } from '../http/call.ts'
import { rowId } from '../lists/row.ts'
import { requireTransfer } from '../transfers/transfer.ts'
import { readExpiration, requireSchedule, scheduleObject } from './schedule.ts'

export function scheduleRoutes({ store: { db }, engine, now, newId }: ApiDeps) {
  return {
    'schedules.list': async ({ params, query, projectId }) => {
      let rows = db
        .selectFrom('schedules')
        .selectAll()
        .where('transfer_id', '=', rowId(params.transfer_id))
        .where('project_id', '=', projectId)
        .where('deleted_at', 'is', null)
        .orderBy('created_at')
        .orderBy('id')
      if (query.show_expired === false)
        rows = rows.where(eb => eb.or([eb('expiration_date', 'is', null), eb('expiration_date', '>', now())]))
      return { schedules: (await rows.execute()).map(scheduleObject) }
    },
    'schedules.create': async ({ params, body, projectId, caller }) => {
      const transfer = await requireTransfer(db, projectId, params.transfer_id)
      const values = {
        id: newId(),
        transfer_id: transfer.id,
        project_id: projectId,
        user_id: caller.userId,
        timetable: JSON.stringify(body.schedule),
        enabled: body.enabled ?? true,
        expiration_date: readExpiration(body.expiration_date ?? null, now()),
        shutdown_instance: body.shutdown_instance ?? false,
        auto_deploy: body.auto_deploy ?? false,
        created_at: now(),
      }
      return { schedule: scheduleObject(await db.insertInto('schedules').values(values).returningAll().executeTakeFirstOrThrow()) }
    },
    'schedules.show': async ({ params, projectId }) => ({
      schedule: scheduleObject(await requireSchedule(db, { projectId, transferId: params.transfer_id, id: params.schedule_id })),
    }),
    'schedules.update': async ({ params, body, projectId }) => {
      const old = await requireSchedule(db, { projectId, transferId: params.transfer_id, id: params.schedule_id })
      const values = {
        timetable: JSON.stringify(body.schedule ?? old.timetable),
        enabled: body.enabled ?? old.enabled,
        expiration_date: body.expiration_date === undefined ? old.expiration_date : readExpiration(body.expiration_date, now()),
        shutdown_instance: body.shutdown_instance ?? old.shutdown_instance,
        auto_deploy: body.auto_deploy ?? old.auto_deploy,
        updated_at: now(),
      }
      const row = await db.updateTable('schedules').set(values).where('id', '=', old.id).returningAll().executeTakeFirstOrThrow()
      return { schedule: scheduleObject(row) }
    },
    'schedules.delete': async ({ params, projectId }) => {
      const { id, transfer_id } = await requireSchedule(db, { projectId, transferId: params.transfer_id, id: params.schedule_id })
      if (await engine.isBusy(db, transfer_id))
        throw new InstarError('api.wrong-state', `transfer ${transfer_id} is active; its schedules stay until it ended`)
      await db.updateTable('schedules').set({ deleted_at: now() }).where('id', '=', id).execute()
    },
  } satisfies Partial<Handlers<RouteName>>
}
