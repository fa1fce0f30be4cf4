import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { executionStatus } from '@instar/engine'
import type { Db } from '../api-deps.ts'
import { isLive } from '../places/workers.ts'

/** Figures of this process and of the whole installation, in the text form of Prometheus. */
export interface Metrics {
  readonly contentType: string
  text(): Promise<string>
}

export function createMetrics(app: FastifyInstance, db: Db, now: () => Date): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'instar_http_request_seconds',
    help: 'Time from a request to its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 60],
    registers: [registry],
  })
  app.addHook('onResponse', async (request, reply) => {
    // The pattern of the route: URLs have no end, and each would be a series.
    const labels = { method: request.method, route: request.routeOptions.url ?? 'unknown', status: String(reply.statusCode) }
    requests.observe(labels, reply.elapsedTime / 1000)
  })
  const gauge = (name: string, help: string, label: string) => new Gauge({ name, help, labelNames: [label], registers: [registry] })
  const executions = gauge('instar_executions', 'Executions by status', 'status')
  const tasks = gauge('instar_tasks_in_work', 'Tasks that are pending or at work, by state', 'state')
  const workers = gauge('instar_workers', 'Workers by whether they are alive', 'status')
  const questions = new Gauge({ name: 'instar_questions_open', help: 'Questions to providers without an answer', registers: [registry] })
  const look = async () => {
    executions.reset()
    tasks.reset()
    const states = await db
      .selectFrom('executions')
      .select(['state', sql<number>`count(*)::int`.as('count')])
      .where('deleted_at', 'is', null)
      .groupBy('state')
      .execute()
    for (const { state, count } of states) executions.set({ status: executionStatus(state) }, count)
    const inWork = await db
      .selectFrom('tasks')
      .select(['state', sql<number>`count(*)::int`.as('count')])
      .where('state', 'in', ['pending', 'running', 'syncing', 'cancelling'])
      .groupBy('state')
      .execute()
    for (const { state, count } of inWork) tasks.set({ state }, count)
    const beats = await db.selectFrom('workers').select('beat_at').where('deleted_at', 'is', null).execute()
    const live = beats.filter(worker => isLive(worker, now())).length
    workers.set({ status: 'up' }, live)
    workers.set({ status: 'down' }, beats.length - live)
    const open = await db
      .selectFrom('questions')
      .select(sql<number>`count(*)::int`.as('count'))
      .where('answer', 'is', null)
      .executeTakeFirstOrThrow()
    questions.set(open.count)
  }
  return { contentType: registry.contentType, text: async () => (await look(), registry.metrics()) }
}
