import * as z from 'zod/mini'
import { FailedScript } from './script-run.ts'

/**
 * One thing that happened in a run: a line of `--json`, later a server-sent event of the service.
 *
 * `seq` rises by one from 1 within a run. `script_run_id` ties output and state to a record of the script.
 */
export const InstarEvent = z.strictObject({
  version: z.literal(1),
  seq: z.int(),
  at: z.iso.datetime(),
  run_id: z.string(),
  instance: z.optional(z.string()),
  kind: z.enum(['step', 'progress', 'script', 'output', 'warning', 'result']),
  /** A sentence in the present for people: "Checking file systems". */
  step: z.optional(z.string()),
  state: z.optional(z.enum(['started', 'succeeded', 'failed', 'skipped', 'retrying'])),
  percent: z.optional(z.number()),
  bytes: z.optional(z.int()),
  message: z.optional(z.string()),
  script_run_id: z.optional(z.string()),
  /** Of `output` events: which stream the message is a piece of. */
  stream: z.optional(z.enum(['stdout', 'stderr'])),
  /** Of a `result` that succeeded: scripts that failed and were allowed to. */
  failed_scripts: z.optional(z.array(FailedScript)),
})
export type InstarEvent = z.infer<typeof InstarEvent>

/** What a step hands to `emit`; version, seq, time and run are added by the run. */
export type EventBody = Omit<InstarEvent, 'version' | 'seq' | 'at' | 'run_id'>
export type Emit = (event: EventBody) => void
