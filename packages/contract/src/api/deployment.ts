import * as z from 'zod/mini'
import { Execution } from './execution.ts'
import { SCENARIOS } from './statuses.ts'
import { Task } from './task.ts'
import { actionFields } from './transfer.ts'
import { UserScriptsInput } from './user-scripts.ts'
import { documented } from './wire.ts'

/** The making of bootable machines from a transfer's replicas. The tasks of its one execution stand in `tasks`. */
export const Deployment = z
  .object({
    ...actionFields,
    type: z.literal('deployment'),
    transfer_id: z.string(),
    transfer_scenario_type: z.enum(SCENARIOS),
    /** The execution that an automatic deployment waits for, or waited for. */
    deployer_id: z.nullable(z.string()),
    trust_id: z.null(),
    /** Ours: why an automatic deployment never started. */
    failure: z.nullable(z.string()),
    shutdown_instances: z.boolean(),
    tasks: z.array(Task),
    executions: z.optional(z.array(Execution)),
  })
  .register(documented, { id: 'Deployment' })
export type Deployment = z.infer<typeof Deployment>

/** Null and absent inherit the transfer's value; `user_scripts` with two empty maps means none. */
export const DeploymentCreate = z.object({
  transfer_id: z.string(),
  force: z.nullish(z.boolean()),
  clone_disks: z.nullish(z.boolean()),
  skip_os_morphing: z.nullish(z.boolean()),
  user_scripts: UserScriptsInput,
  instance_osmorphing_minion_pool_mappings: z.nullish(z.record(z.string(), z.nullable(z.string()))),
  /** Ours: a failed deployment whose finished work this one takes over, from the script that failed. */
  resume_from: z.nullish(z.string()),
})
export type DeploymentCreate = z.infer<typeof DeploymentCreate>
