import { createHash } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { InstarError } from '@instar/contract'
import type { Call } from '../provider.ts'
import type { Fault, SimulatorConnection, Trouble } from './simulator-settings.ts'
import { World } from './world.ts'

/** How long a fault of kind `deaf` does not hear its cancel: longer than the 10 s that the engine gives a step. */
const DEAF_MS = 60_000

export type SimulatorCall<E extends Trouble = Trouble> = Call<SimulatorConnection, E> & { readonly instance?: string }

/** Does a piece of simulated work with the latency and the faults that are set for it, by the endpoint or by the transfer. */
export async function act<T>(call: SimulatorCall, work: (world: World) => Promise<T>): Promise<T> {
  const world = new World(call.connection.folder)
  const trouble = [call.environment, call.connection]
  await strike(call, world, 'before')
  const latency =
    trouble.map(set => set.latencies_ms[call.purpose]).find(ms => ms !== undefined) ?? Math.max(...trouble.map(set => set.latency_ms))
  if (latency > 0) await setTimeout(latency, undefined, { signal: call.signal })
  call.signal.throwIfAborted()
  const result = await work(world)
  await strike(call, world, 'after')
  return result
}

async function strike(call: SimulatorCall, world: World, when: Fault['when']): Promise<void> {
  for (const fault of [...call.environment.faults, ...call.connection.faults]) {
    const isMeant = fault.task === call.purpose && fault.when === when && (fault.instance ?? call.instance) === call.instance
    if (isMeant && (await isLeft(world, fault))) await happen(fault, call)
  }
}

/** Counted on disk: a fault that ends the process must not come back with the next one. */
async function isLeft(world: World, fault: Fault): Promise<boolean> {
  if (fault.times === 0) return true
  const id = createHash('sha256').update(JSON.stringify(fault)).digest('hex').slice(0, 16)
  for (let time = 1; time <= fault.times; time += 1) if (await world.claim('spent-faults', `${id}-${time}`)) return true
  return false
}

async function happen(fault: Fault, call: SimulatorCall): Promise<void> {
  const what = `simulated fault (${fault.kind}, ${fault.when}) at ${call.purpose}${call.instance === undefined ? '' : ` of ${call.instance}`}`
  switch (fault.kind) {
    case 'fail':
      throw new InstarError('provider.failed', what)
    case 'transient':
      throw new InstarError('provider.unavailable', what)
    case 'hang':
      return waitForAbort(call.signal)
    case 'deaf':
      await setTimeout(DEAF_MS)
      return
    case 'kill':
      process.kill(process.pid, 'SIGKILL')
      return waitForAbort(call.signal)
  }
}

async function waitForAbort(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted()
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }))
}
