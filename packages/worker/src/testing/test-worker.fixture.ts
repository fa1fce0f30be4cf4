import { randomUUID } from 'node:crypto'
import type { StepDefinition, TaskType } from '@instar/engine'
import { offerOf } from '../providers/offer.ts'
import type { Provider } from '../providers/provider.ts'
import { simulator } from '../providers/simulator/simulator.ts'
import { createSteps } from '../steps/step-table.ts'
import type { Moves } from './simulated-moves.fixture.ts'

type Steps = Record<TaskType, StepDefinition>

/** A worker of the simulated platform in this process; `change` sees its steps before it starts. */
export function startTestWorker(
  { pools, engine }: Moves,
  change: (steps: Steps) => Steps = steps => steps,
  { host = `worker-${randomUUID().slice(0, 8)}`, provider = simulator }: { host?: string; provider?: Provider } = {},
): AsyncDisposable {
  const stopping = new AbortController()
  const providers = new Map([['simulator', provider]])
  const running = engine.work({
    host,
    providers: { simulator: offerOf(simulator) },
    steps: change(createSteps({ providers, pools, info: engine.info, host })),
    signal: stopping.signal,
  })
  running.catch(() => undefined)
  return {
    [Symbol.asyncDispose]: async () => {
      stopping.abort()
      await running
    },
  }
}

/** Each step does all its work twice, as after a crash between the work and its report. */
export function everyStepTwice(steps: Steps): Steps {
  return Object.fromEntries(
    Object.entries(steps).map(([type, step]) => [
      type,
      {
        ...step,
        run: async context => {
          await step.run(context)
          return step.run(context)
        },
      } satisfies StepDefinition,
    ]),
  ) as Steps
}
