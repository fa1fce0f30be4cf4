import * as z from 'zod/mini'
import { MACHINE_PHASES } from '../phases.ts'
import { ScriptRun } from '../script-run.ts'
import { documented } from './wire.ts'

/** A record of a script's attempt within an execution, with the machine it belongs to. Its output has a route of its own. */
export const ExecutionScriptRun = z
  .object({ instance: z.string(), execution_id: z.string(), task_id: z.nullable(z.string()), ...ScriptRun.shape })
  .register(documented, { id: 'ScriptRun' })
export type ExecutionScriptRun = z.infer<typeof ExecutionScriptRun>

const PlannedScript = z.object({
  phase: z.enum(MACHINE_PHASES),
  /** Position within the phase, from 1. */
  order: z.int(),
  name: z.string(),
  source: z.enum(['global', 'instance']),
  payload_sha256: z.string(),
  timeout_s: z.int(),
  retries: z.int(),
  on_failure: z.enum(['abort', 'continue']),
})

/** Which scripts will run on each machine, in which order, and which will not, with the reason. */
export const ScriptPlan = z
  .object({
    version: z.literal(1),
    skip_os_morphing: z.boolean(),
    instances: z.array(
      z.object({
        instance: z.string(),
        /** null until an execution has told it; then the plan shows every OS type's scripts as not decided. */
        os_type: z.nullable(z.string()),
        run: z.array(PlannedScript),
        not_run: z.array(z.object({ script: PlannedScript, reason: z.string() })),
      }),
    ),
  })
  .register(documented, { id: 'ScriptPlan' })
export type ScriptPlan = z.infer<typeof ScriptPlan>
