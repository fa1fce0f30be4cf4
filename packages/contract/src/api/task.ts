import * as z from 'zod/mini'
import { EVENT_LEVELS, TASK_STATUSES } from './statuses.ts'
import { documented, rowTimes } from './wire.ts'

export const ProgressUpdate = z
  .object({
    id: z.string(),
    task_id: z.string(),
    index: z.int(),
    current_step: z.int(),
    total_steps: z.int(),
    message: z.string(),
    ...rowTimes,
  })
  .register(documented, { id: 'ProgressUpdate' })

export const TaskEvent = z
  .object({ id: z.string(), task_id: z.string(), index: z.int(), level: z.enum(EVENT_LEVELS), message: z.string(), ...rowTimes })
  .register(documented, { id: 'TaskEvent' })

/** One unit of an execution's work. Clean-up that waits for a failure is not shown. */
export const Task = z
  .object({
    id: z.string(),
    execution_id: z.string(),
    instance: z.string(),
    task_type: z.string(),
    status: z.enum(TASK_STATUSES),
    host: z.nullable(z.string()),
    process_id: z.nullable(z.int()),
    index: z.int(),
    on_error: z.boolean(),
    depends_on: z.nullable(z.array(z.string())),
    exception_details: z.nullable(z.string()),
    progress_updates: z.array(ProgressUpdate),
    events: z.array(TaskEvent),
    ...rowTimes,
  })
  .register(documented, { id: 'Task' })
export type Task = z.infer<typeof Task>
