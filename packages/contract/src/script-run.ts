import * as z from 'zod/mini'

/** What is known of one attempt of one script, on the minion, at first boot or on a live host. Output lies beside it. */
export const ScriptRun = z.strictObject({
  version: z.literal(1),
  id: z.string(),
  run_id: z.string(),
  phase: z.string(),
  source: z.enum(['global', 'instance', 'dir', 'refresh']),
  name: z.string(),
  /** Position within the phase, from 1. */
  order: z.int(),
  /** From 1. */
  attempt: z.int(),
  started_at: z.iso.datetime(),
  ended_at: z.nullable(z.iso.datetime()),
  exit_code: z.nullable(z.int()),
  /** Name of the signal that ended it ("SIGKILL"), or null. */
  signal: z.nullable(z.string()),
  timed_out: z.boolean(),
  interrupted: z.boolean(),
  stdout_bytes: z.int(),
  stderr_bytes: z.int(),
  payload_sha256: z.string(),
  /** Commands that the script left running, as "pid command line". */
  left_running: z.optional(z.array(z.string())),
  /** Processor time of the script and what it waited for, in milliseconds; on live hosts. */
  cpu_ms: z.optional(z.nullable(z.number())),
  /** On live hosts, where a cgroup with a memory controller gives it. */
  memory_peak_bytes: z.optional(z.nullable(z.int())),
  /** Name of the files of its output beside the record, without `.stdout` and `.stderr`, where it is not the id. */
  output: z.optional(z.string()),
})
export type ScriptRun = z.infer<typeof ScriptRun>

/** The last attempt of a script that failed where it might (`on_failure: continue`), so that the run went on. */
export const FailedScript = z.pick(ScriptRun, {
  id: true,
  phase: true,
  name: true,
  order: true,
  attempt: true,
  exit_code: true,
  signal: true,
  timed_out: true,
})
export type FailedScript = z.infer<typeof FailedScript>
