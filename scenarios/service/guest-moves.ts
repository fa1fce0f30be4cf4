import assert from 'node:assert/strict'
import type { Service } from '../api/service.ts'

// What the scenarios of a real guest ask of the service, and the parts of its answers that they look at.

export interface Task {
  readonly task_type: string
  readonly status: string
  readonly exception_details: string | null
  readonly events: readonly { readonly level: string; readonly message: string }[]
}

export interface Deployment {
  readonly id: string
  readonly last_execution_status: string
  readonly tasks: readonly Task[]
  readonly transfer_result: Record<string, { readonly name: string }> | null
}

export interface ScriptRun {
  readonly id: string
  readonly phase: string
  readonly name: string
  readonly exit_code: number | null
}

export interface Volume {
  readonly replica_folder: string
  readonly replica_state: { readonly number: number; readonly written_bytes: number }
}

const hasEnded = (status: string) => !['RUNNING', 'CANCELLING', 'UNEXECUTED', 'PENDING', 'AWAITING_MINION_ALLOCATIONS'].includes(status)

/** One machine between two folders of `disk-images`: its transfer, executions and deployments. */
export class GuestMoves {
  readonly #service: Service
  readonly #machine: string
  #transfer = ''
  #destination = ''

  constructor(service: Service, machine: string) {
    this.#service = service
    this.#machine = machine
  }

  get transfer(): string {
    return this.#transfer
  }

  get destination(): string {
    return this.#destination
  }

  async addTransfer(folders: { readonly from: string; readonly to: string }, more: object): Promise<void> {
    await this.#service.until<{ providers: object }>('/providers', answer => 'disk-images' in answer.providers)
    const origin = await this.#addEndpoint('from', folders.from)
    this.#destination = await this.#addEndpoint('to', folders.to)
    const ends = { origin_endpoint_id: origin, destination_endpoint_id: this.#destination }
    const body = { transfer: { ...ends, instances: [this.#machine], ...more } }
    this.#transfer = (await this.#service.json<{ transfer: { id: string } }>('POST', '/transfers', { body })).transfer.id
  }

  async #addEndpoint(name: string, folder: string): Promise<string> {
    const body = { endpoint: { name, type: 'disk-images', connection_info: { folder } } }
    return (await this.#service.json<{ endpoint: { id: string } }>('POST', '/endpoints', { body })).endpoint.id
  }

  /** Copies; fails unless it completes. */
  async execute(): Promise<void> {
    const body = { execution: {} }
    await this.#settle(await this.#service.json('POST', `/transfers/${this.#transfer}/executions`, { body }))
  }

  async update(destination_environment: object): Promise<void> {
    const body = { transfer: { destination_environment } }
    await this.#settle(await this.#service.json('PUT', `/transfers/${this.#transfer}`, { body }))
  }

  async #settle({ execution: { id } }: { execution: { id: string } }): Promise<void> {
    const { execution } = await this.#service.until<{ execution: { status: string; tasks: Task[] } }>(
      `/transfers/${this.#transfer}/executions/${id}`,
      answer => hasEnded(answer.execution.status),
    )
    assert.equal(execution.status, 'COMPLETED', errorOf(execution))
  }

  /** A pool at the destination with one minion, which is ready. */
  async addPool(): Promise<string> {
    const size = { minimum_minions: 1, maximum_minions: 1, minion_max_idle_time: 3600, environment_options: {} }
    const minion_pool = { name: 'warm', endpoint_id: this.#destination, platform: 'destination', os_type: 'linux', ...size }
    const { id } = (await this.#service.json<{ minion_pool: { id: string } }>('POST', '/minion_pools', { body: { minion_pool } }))
      .minion_pool
    await this.minionIn(id, 'AVAILABLE')
    return id
  }

  /** Waits until the only minion of a pool is in this state. */
  async minionIn(pool: string, status: string): Promise<void> {
    await this.#service.until<{ minion_pool: { minion_machines: { allocation_status: string }[] } }>(
      `/minion_pools/${pool}`,
      answer => answer.minion_pool.minion_machines.map(({ allocation_status }) => allocation_status).join() === status,
    )
  }

  /** What the last execution left at the destination. */
  async volumes(): Promise<readonly Volume[]> {
    const shown = await this.#service.json<{ transfer: { info: Record<string, { volumes_info: Volume[] }> } }>(
      'GET',
      `/transfers/${this.#transfer}?include_task_info=true`,
    )
    return shown.transfer.info[this.#machine]!.volumes_info
  }

  /** Deploys, and waits for the end, whatever it is. */
  async deploy(more: object): Promise<Deployment> {
    return this.deploymentEnd(await this.startDeployment(more))
  }

  async startDeployment(more: object): Promise<string> {
    const body = { deployment: { transfer_id: this.#transfer, ...more } }
    return (await this.#service.json<{ deployment: Deployment }>('POST', '/deployments', { body })).deployment.id
  }

  async deploymentEnd(id: string): Promise<Deployment> {
    const ended = await this.#service.until<{ deployment: Deployment }>(`/deployments/${id}`, answer =>
      hasEnded(answer.deployment.last_execution_status),
    )
    return ended.deployment
  }

  /** Asks the API that stands beside v1. */
  beside(path: string) {
    const { server, admin } = this.#service
    return server.request({ method: 'GET', url: `/instar/v1/${admin.projectId}${path}`, token: admin.token })
  }

  async scriptRuns(deployment: string): Promise<readonly ScriptRun[]> {
    return (await this.beside(`/deployments/${deployment}/script-runs`)).json<{ script_runs: ScriptRun[] }>().script_runs
  }

  async outputOf(run: ScriptRun | undefined, stream: 'stdout' | 'stderr' = 'stdout'): Promise<string> {
    return (await this.beside(`/script-runs/${run?.id}/output?stream=${stream}`)).body
  }
}

/** Why it failed: what its task in error says; empty where none is. */
export function errorOf({ tasks }: { readonly tasks: readonly Task[] }): string {
  return tasks.find(({ status }) => status === 'ERROR')?.exception_details ?? ''
}
