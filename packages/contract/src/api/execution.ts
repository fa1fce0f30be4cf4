import * as z from 'zod/mini'
import { EXECUTION_STATUSES, EXECUTION_TYPES } from './statuses.ts'
import { Task } from './task.ts'
import { documented, rowTimes } from './wire.ts'

/** One run of a transfer. `number` counts all kinds of runs of the transfer, from 1, deleted ones too. */
export const Execution = z
  .object({
    id: z.string(),
    action_id: z.string(),
    type: z.enum(EXECUTION_TYPES),
    number: z.int(),
    status: z.enum(EXECUTION_STATUSES),
    tasks: z.array(Task),
    ...rowTimes,
  })
  .register(documented, { id: 'Execution' })
export type Execution = z.infer<typeof Execution>

export const ExecutionCreate = z.object({ shutdown_instances: z.nullish(z.boolean()), auto_deploy: z.nullish(z.boolean()) })
export type ExecutionCreate = z.infer<typeof ExecutionCreate>

/** The value of the action `cancel`. */
export const Cancel = z.nullable(z.object({ force: z.nullish(z.boolean()) }))
