import { InvalidArgumentError, Option, type Command } from 'commander'
import { InstarError } from '@instar/contract/errors'
import type { Schedule } from '@instar/contract/api'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { addListOptions, addShowOptions, type ListOptions, type OutputOptions } from '../output/options.ts'
import { printList, printOne } from '../output/print.ts'
import type { JsonObject } from '../output/json-option.ts'
import type { Api } from '../service/api.ts'
import { connect } from '../service/connect.ts'
import { scheduleId, transferId } from '../service/look-up.ts'
import { enabledOf } from './verbs.ts'

const COLUMNS: readonly Column<Schedule>[] = [
  { name: 'Transfer ID', of: row => row.transfer_id },
  { name: 'ID', of: row => row.id },
  { name: 'Schedule', of: row => row.schedule },
  { name: 'Created', of: row => row.created_at },
  { name: 'Expires', of: row => row.expiration_date },
]

const FIELDS: readonly Column<Schedule>[] = [
  { name: 'id', of: one => one.id },
  { name: 'transfer_id', of: one => one.transfer_id },
  { name: 'schedule', of: one => one.schedule },
  { name: 'created', of: one => one.created_at },
  { name: 'last_updated', of: one => one.updated_at },
  { name: 'enabled', of: one => one.enabled },
  { name: 'expires', of: one => one.expiration_date },
  { name: 'shutdown_instance', of: one => one.shutdown_instance },
  { name: 'auto_deploy', of: one => one.auto_deploy },
]

interface ScheduleOptions extends OutputOptions {
  readonly minute?: number
  readonly hour?: number
  readonly dayOfMonth?: number
  readonly month?: number
  readonly dayOfWeek?: number
  readonly enabled?: boolean
  readonly disabled?: boolean
  readonly expiresAt?: string
  readonly expirationDate?: boolean
  readonly shutdownInstance?: boolean
  readonly dontShutdownInstance?: boolean
  readonly autoDeploy?: boolean
  readonly dontAutoDeploy?: boolean
}

const TRANSFER = ['<transfer>', 'id or notes of the transfer'] as const
const SCHEDULE = ['<schedule>', 'id, or the beginning of it'] as const

async function pathOf(api: Api, transfer: string, wanted: string): Promise<string> {
  const id = await transferId(api, transfer)
  return `transfers/${id}/schedules/${await scheduleId(api, id, wanted)}`
}

/** `instar transfer schedule ...`. */
export function registerTransferSchedules(noun: Command, context: Context): void {
  const schedule = noun.command('schedule').description('Timetables of a transfer, in UTC.')
  const list = schedule
    .command('list')
    .description('The timetables of a transfer.')
    .argument(...TRANSFER)
    .option('--hide-expired', 'only those that still fire')
  addListOptions(list, COLUMNS).action(async (wanted: string, options: ListOptions & { hideExpired?: boolean }, command: Command) => {
    const api = connect(context, command)
    const path = `transfers/${await transferId(api, wanted)}/schedules`
    const { schedules } = await api.get<{ schedules: Schedule[] }>(path, options.hideExpired === true ? { show_expired: 'False' } : {})
    await printList(context.stdout, options, COLUMNS, schedules)
  })
  addShowOptions(
    schedule
      .command('show')
      .description('One timetable.')
      .argument(...TRANSFER)
      .argument(...SCHEDULE),
    FIELDS,
  ).action(async (wanted: string, id: string, options: OutputOptions, command: Command) => {
    const api = connect(context, command)
    const answer = await api.get<{ schedule: Schedule }>(await pathOf(api, wanted, id))
    await printOne(context.stdout, options, FIELDS, answer.schedule)
  })
  registerChanges(schedule, context)
  schedule
    .command('delete')
    .description('Deletes a timetable.')
    .argument(...TRANSFER)
    .argument(...SCHEDULE)
    .action(async (wanted: string, id: string, _options: object, command: Command) => {
      const api = connect(context, command)
      await api.delete(await pathOf(api, wanted, id))
    })
}

function registerChanges(schedule: Command, context: Context): void {
  const create = schedule
    .command('create')
    .description('Executes the transfer at every time (UTC) that fits all of the given values; those not given fit always.')
    .argument(...TRANSFER)
  addShowOptions(addRules(create), FIELDS).action(async (wanted: string, options: ScheduleOptions, command: Command) => {
    const when = timetable(options)
    if (when === undefined)
      throw new InstarError('usage.bad-argument', 'none of --minute, --hour, --day-of-month, --month and --day-of-week is given')
    const api = connect(context, command)
    const body = { enabled: true, shutdown_instance: false, auto_deploy: false, ...rules(options), schedule: when }
    const answer = await api.post<{ schedule: Schedule }>(`transfers/${await transferId(api, wanted)}/schedules`, body)
    await printOne(context.stdout, options, FIELDS, answer.schedule)
  })
  const update = schedule
    .command('update')
    .description('Changes what is named; the times are replaced as a whole.')
    .argument(...TRANSFER)
    .argument(...SCHEDULE)
  addRules(update)
    .addOption(new Option('--no-expiration-date', 'it fires for ever').conflicts('expiresAt'))
    .addOption(new Option('--dont-shutdown-instance', 'leave the machines running').conflicts('shutdownInstance'))
    .addOption(new Option('--dont-auto-deploy', 'only copy').conflicts('autoDeploy'))
  addShowOptions(update, FIELDS).action(async (wanted: string, id: string, options: ScheduleOptions, command: Command) => {
    const api = connect(context, command)
    const when = timetable(options)
    const body = { ...rules(options), ...(when === undefined ? {} : { schedule: when }) }
    const answer = await api.put<{ schedule: Schedule }>(await pathOf(api, wanted, id), body)
    await printOne(context.stdout, options, FIELDS, answer.schedule)
  })
}

function addRules(command: Command): Command {
  return command
    .option('-M, --minute <0-59>', 'minute', within(0, 59))
    .option('-H, --hour <0-23>', 'hour, UTC', within(0, 23))
    .option('-d, --day-of-month <1-31>', 'day of the month', within(1, 31))
    .option('-m, --month <1-12>', 'month', within(1, 12))
    .option('-w, --day-of-week <0-6>', 'day of the week, 0 = Monday', within(0, 6))
    .addOption(new Option('--enabled', 'it fires').conflicts('disabled'))
    .addOption(new Option('--disabled', 'it does not fire for now'))
    .option('--expires-at <time>', 'fires no more from then on: ISO 8601, UTC where no zone is named')
    .option('--shutdown-instance', 'shut the machines down before the copy')
    .option('--auto-deploy', 'deploy them when the copy is done')
}

function timetable({ minute, hour, dayOfMonth: dom, month, dayOfWeek: dow }: ScheduleOptions): JsonObject | undefined {
  const given = Object.entries({ minute, hour, dom, month, dow }).filter(([, value]) => value !== undefined)
  return given.length === 0 ? undefined : Object.fromEntries(given)
}

function rules(options: ScheduleOptions): JsonObject {
  const enabled = enabledOf(options)
  return {
    ...(enabled === undefined ? {} : { enabled }),
    ...(options.expirationDate === false ? { expiration_date: null } : {}),
    ...(options.expiresAt === undefined ? {} : { expiration_date: readTime(options.expiresAt) }),
    ...either('shutdown_instance', options.shutdownInstance, options.dontShutdownInstance),
    ...either('auto_deploy', options.autoDeploy, options.dontAutoDeploy),
  }
}

function either(key: string, yes: boolean | undefined, no: boolean | undefined): JsonObject {
  return yes === true ? { [key]: true } : no === true ? { [key]: false } : {}
}

/** A time without a zone is UTC: timetables are. */
function readTime(text: string): string {
  const time = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/i.test(text) || !text.includes('T') ? text : `${text}Z`)
  if (Number.isNaN(time) || !/^\d{4}-\d\d-\d\d/.test(text)) {
    throw new InstarError('usage.bad-argument', `--expires-at "${text}" is no time as in 2030-01-02T03:04:05Z`)
  }
  return new Date(time).toISOString()
}

function within(from: number, to: number): (value: string) => number {
  return value => {
    if (/^\d{1,2}$/.test(value) && Number(value) >= from && Number(value) <= to) return Number(value)
    throw new InvalidArgumentError(`It is a whole number from ${from} to ${to}.`)
  }
}
