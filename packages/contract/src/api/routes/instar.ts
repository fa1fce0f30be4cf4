import * as z from 'zod/mini'
import { Execution } from '../execution.ts'
import { Flag, TextParameter } from '../query.ts'
import { routes } from '../route.ts'
import { ExecutionScriptRun, ScriptPlan } from '../script-report.ts'

const read = { surface: 'instar', method: 'GET', role: 'reader', status: 200 } as const
const scriptRuns = z.object({ script_runs: z.array(ExecutionScriptRun) })
const plan = z.object({ plan: ScriptPlan })

/** What Coriolis lacks: records of scripts, plans, events. */
export const INSTAR_ROUTES = routes({
  'scriptRuns.ofExecution': {
    ...read,
    path: '/executions/{execution_id}/script-runs',
    summary: 'Every attempt of every script of an execution, in order',
    answer: scriptRuns,
  },
  'scriptRuns.ofDeployment': {
    ...read,
    path: '/deployments/{deployment_id}/script-runs',
    summary: 'Every attempt of every script of a deployment, in order',
    answer: scriptRuns,
  },
  'scriptRuns.show': {
    ...read,
    path: '/script-runs/{script_run_id}',
    summary: 'One attempt of one script',
    answer: z.object({ script_run: ExecutionScriptRun }),
  },
  'scriptRuns.output': {
    ...read,
    path: '/script-runs/{script_run_id}/output',
    summary: 'What a script printed: whole, a part (header Range), or followed until it ends',
    query: z.object({ stream: z.optional(z.enum(['stdout', 'stderr'])), follow: Flag }),
    media: 'application/octet-stream',
  },
  'plans.ofTransfer': {
    ...read,
    path: '/transfers/{transfer_id}/plan',
    summary: 'Which scripts a deployment of this transfer would run',
    answer: plan,
  },
  'plans.ofDeployment': { ...read, path: '/deployments/{deployment_id}/plan', summary: 'Which scripts this deployment runs', answer: plan },
  'events.ofProject': {
    ...read,
    path: '/events',
    summary: 'Events of the project as they happen (server-sent; goes on after the header Last-Event-ID)',
    query: z.object({ follow: Flag, last_event_id: TextParameter }),
    media: 'text/event-stream',
  },
  'events.ofExecution': {
    ...read,
    path: '/executions/{execution_id}/events',
    summary: 'Events of an execution; the stream ends with it',
    query: z.object({ follow: Flag, last_event_id: TextParameter }),
    media: 'text/event-stream',
  },
  'events.ofPool': {
    ...read,
    path: '/minion_pools/{pool_id}/events',
    summary: 'Events of a minion pool as they happen',
    query: z.object({ follow: Flag, last_event_id: TextParameter }),
    media: 'text/event-stream',
  },
  'executions.find': {
    ...read,
    path: '/executions/{execution_id}',
    summary: 'One execution of a transfer or deployment with its tasks, found by its id alone',
    answer: z.object({ execution: Execution }),
  },
})

/** The service's own logs, in the form of Coriolis' log service. */
export const LOG_ROUTES = routes({
  'logs.list': {
    surface: 'logger',
    method: 'GET',
    path: '/logs',
    role: 'admin',
    summary: 'Names of the logs',
    answer: z.object({ logs: z.array(z.object({ log_name: z.string() })) }),
    status: 200,
  },
  'logs.show': {
    surface: 'logger',
    method: 'GET',
    path: '/logs/{log_name}',
    role: 'admin',
    summary: 'The text of a log between two times (seconds since 1970)',
    query: z.object({ start_date: TextParameter, end_date: TextParameter, severity: TextParameter }),
    status: 200,
    media: 'text/plain',
  },
})

const open = { surface: 'root', method: 'GET', role: 'anyone', status: 200 } as const

/** For those who run the installation. */
export const OPERATOR_ROUTES = routes({
  'operator.health': { ...open, path: '/healthz', summary: 'Whether the process lives', answer: z.object({ status: z.literal('ok') }) },
  'operator.readiness': {
    ...open,
    path: '/readyz',
    summary: 'Whether the API can do its work: 503 while the database is away',
    answer: z.object({ status: z.literal('ready') }),
  },
  'operator.metrics': { ...open, path: '/metrics', summary: 'Figures for Prometheus', media: 'text/plain' },
  'operator.openapi': { ...open, path: '/openapi.json', summary: 'This document', answer: z.looseObject({ openapi: z.string() }) },
})
