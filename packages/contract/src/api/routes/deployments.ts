import * as z from 'zod/mini'
import { Deployment, DeploymentCreate } from '../deployment.ts'
import { Cancel } from '../execution.ts'
import { MinionPool, MinionPoolCreate, MinionPoolSummary, MinionPoolUpdate } from '../minion-pool.ts'
import { ListQuery } from '../query.ts'
import { routes } from '../route.ts'

const deployment = z.object({ deployment: Deployment })
const deployments = z.object({ deployments: z.array(Deployment) })
const pool = z.object({ minion_pool: MinionPool })

const read = { surface: 'v1', method: 'GET', role: 'reader', status: 200 } as const
const remove = { surface: 'v1', method: 'DELETE', role: 'member', status: 204 } as const
const create = { surface: 'v1', method: 'POST', role: 'member', status: 200 } as const

export const DEPLOYMENT_ROUTES = routes({
  'deployments.list': {
    ...read,
    path: '/deployments',
    summary: 'The deployments of the project, newest first',
    query: ListQuery,
    answer: deployments,
  },
  'deployments.detail': { ...read, path: '/deployments/detail', summary: 'The same as the list', query: ListQuery, answer: deployments },
  'deployments.create': {
    ...create,
    path: '/deployments',
    summary: 'Make machines from the replicas of a transfer',
    body: z.object({ deployment: DeploymentCreate }),
    answer: deployment,
  },
  'deployments.show': {
    ...read,
    path: '/deployments/{deployment_id}',
    summary: 'One deployment with its tasks',
    query: ListQuery,
    answer: deployment,
  },
  'deployments.delete': {
    ...remove,
    path: '/deployments/{deployment_id}',
    summary: 'Delete a deployment with its script output and events; its machines stay',
  },
  'deployments.act': {
    ...create,
    path: '/deployments/{deployment_id}/actions',
    summary: 'Cancel a deployment',
    actions: ['cancel'],
    body: z.object({ cancel: Cancel }),
    status: 204,
  },
})

export const POOL_ROUTES = routes({
  'pools.list': {
    ...read,
    path: '/minion_pools',
    summary: 'The minion pools of the project',
    answer: z.object({ minion_pools: z.array(MinionPoolSummary) }),
  },
  'pools.create': {
    ...create,
    path: '/minion_pools',
    summary: 'Make a minion pool and allocate it',
    body: z.object({ minion_pool: MinionPoolCreate }),
    answer: pool,
  },
  'pools.show': { ...read, path: '/minion_pools/{pool_id}', summary: 'One minion pool with its history', answer: pool },
  'pools.update': {
    surface: 'v1',
    method: 'PUT',
    path: '/minion_pools/{pool_id}',
    role: 'member',
    status: 200,
    summary: 'Change a minion pool that is deallocated',
    body: z.object({ minion_pool: MinionPoolUpdate }),
    answer: pool,
  },
  'pools.delete': { ...remove, path: '/minion_pools/{pool_id}', summary: 'Delete a minion pool that is deallocated or failed' },
  'pools.act': {
    ...create,
    path: '/minion_pools/{pool_id}/actions',
    summary: 'Allocate, refresh or deallocate a minion pool',
    actions: ['allocate', 'refresh', 'deallocate'],
    body: z.object({ allocate: z.optional(z.unknown()), refresh: z.optional(z.unknown()), deallocate: z.optional(Cancel) }),
    answer: pool,
  },
})
