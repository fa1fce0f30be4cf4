import * as z from 'zod/mini'
import { Cancel, Execution, ExecutionCreate } from '../execution.ts'
import { ListQuery, StrictFlag } from '../query.ts'
import { routes } from '../route.ts'
import { Schedule, ScheduleCreate, ScheduleUpdate } from '../schedule.ts'
import { Transfer, TransferCreate, TransferUpdate } from '../transfer.ts'

const transfer = z.object({ transfer: Transfer })
const transfers = z.object({ transfers: z.array(Transfer) })
const execution = z.object({ execution: Execution })
const executions = z.object({ executions: z.array(Execution) })
const schedule = z.object({ schedule: Schedule })
const showOne = ListQuery

const read = { surface: 'v1', method: 'GET', role: 'reader', status: 200 } as const
const remove = { surface: 'v1', method: 'DELETE', role: 'member', status: 204 } as const
const create = { surface: 'v1', method: 'POST', role: 'member', status: 200 } as const
const change = { surface: 'v1', method: 'PUT', role: 'member', status: 200 } as const

export const TRANSFER_ROUTES = routes({
  'transfers.list': {
    ...read,
    path: '/transfers',
    summary: 'The transfers of the project, newest first',
    query: ListQuery,
    answer: transfers,
  },
  'transfers.detail': { ...read, path: '/transfers/detail', summary: 'The same as the list', query: ListQuery, answer: transfers },
  'transfers.create': {
    ...create,
    path: '/transfers',
    summary: 'Store a transfer; nothing starts',
    body: z.object({ transfer: TransferCreate }),
    answer: transfer,
  },
  'transfers.show': { ...read, path: '/transfers/{transfer_id}', summary: 'One transfer', query: showOne, answer: transfer },
  'transfers.update': {
    ...change,
    path: '/transfers/{transfer_id}',
    summary: 'Start an execution that changes the transfer; the new values stand when it completed',
    body: z.object({ transfer: TransferUpdate }),
    answer: execution,
  },
  'transfers.delete': {
    ...remove,
    path: '/transfers/{transfer_id}',
    summary: 'Delete a transfer that is not busy, with its executions, script output and events; its disks stay',
  },
  'transfers.act': {
    ...create,
    path: '/transfers/{transfer_id}/actions',
    summary: 'Start an execution that deletes the replicas',
    actions: ['delete-disks'],
    body: z.object({ 'delete-disks': z.unknown() }),
    answer: execution,
  },
  'executions.list': {
    ...read,
    path: '/transfers/{transfer_id}/executions',
    summary: 'The executions of a transfer, newest first',
    query: ListQuery,
    answer: executions,
  },
  'executions.detail': {
    ...read,
    path: '/transfers/{transfer_id}/executions/detail',
    summary: 'All executions of a transfer with their tasks',
    answer: executions,
  },
  'executions.create': {
    ...create,
    path: '/transfers/{transfer_id}/executions',
    summary: 'Execute a transfer',
    body: z.object({ execution: z.optional(ExecutionCreate) }),
    answer: execution,
  },
  'executions.show': {
    ...read,
    path: '/transfers/{transfer_id}/executions/{execution_id}',
    summary: 'One execution with its tasks',
    answer: execution,
  },
  'executions.delete': {
    ...remove,
    path: '/transfers/{transfer_id}/executions/{execution_id}',
    summary: 'Delete an execution that ended, with its script output and events',
  },
  'executions.act': {
    ...create,
    path: '/transfers/{transfer_id}/executions/{execution_id}/actions',
    summary: 'Cancel an execution',
    actions: ['cancel'],
    body: z.object({ cancel: Cancel }),
    status: 204,
  },
  'schedules.list': {
    ...read,
    path: '/transfers/{transfer_id}/schedules',
    summary: 'The schedules of a transfer',
    query: z.object({ show_expired: StrictFlag }),
    answer: z.object({ schedules: z.array(Schedule) }),
  },
  'schedules.create': {
    ...create,
    path: '/transfers/{transfer_id}/schedules',
    summary: 'Add a schedule',
    body: ScheduleCreate,
    answer: schedule,
  },
  'schedules.show': { ...read, path: '/transfers/{transfer_id}/schedules/{schedule_id}', summary: 'One schedule', answer: schedule },
  'schedules.update': {
    ...change,
    path: '/transfers/{transfer_id}/schedules/{schedule_id}',
    summary: 'Change a schedule',
    body: ScheduleUpdate,
    answer: schedule,
  },
  'schedules.delete': { ...remove, path: '/transfers/{transfer_id}/schedules/{schedule_id}', summary: 'Delete a schedule' },
})
