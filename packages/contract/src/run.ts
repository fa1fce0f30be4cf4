import * as z from 'zod/mini'
import { FailedScript } from './script-run.ts'

/** An error as it is stored and sent: the code of the table, the message and its causes, what to do. */
export const ErrorReport = z.strictObject({
  code: z.string(),
  message: z.string(),
  because: z.array(z.string()),
  hint: z.string(),
  details: z.record(z.string(), z.unknown()),
})
export type ErrorReport = z.infer<typeof ErrorReport>

/** A process that can be told from another that got its number later. */
export const ProcessIdentity = z.strictObject({ pid: z.int(), start_time: z.string(), boot_id: z.string() })
export type ProcessIdentity = z.infer<typeof ProcessIdentity>

/** What a morph did to the OS: in words, step by step, and each file that Instar itself changed; what scripts changed is not in it. */
export const MorphChanges = z.strictObject({
  system: z.string(),
  steps: z.array(z.strictObject({ step: z.string(), changes: z.array(z.string()) })),
  files: z.array(
    z.strictObject({
      path: z.string(),
      change: z.enum(['created', 'modified', 'removed']),
      kind: z.string(),
      /** Of the content of files. */
      sha256_before: z.optional(z.string()),
      sha256_after: z.optional(z.string()),
    }),
  ),
  warnings: z.array(z.string()),
})
export type MorphChanges = z.infer<typeof MorphChanges>

/** One run of `instar morph`: what was asked, how it ended, and what is needed to go on with it. */
export const Run = z.strictObject({
  version: z.literal(1),
  id: z.string(),
  instance: z.string(),
  /** `interrupted` is never written: it is a `running` one whose process is gone. */
  state: z.enum(['running', 'succeeded', 'failed', 'cancelled', 'interrupted']),
  /** The command line after `instar`; text keys are masked. */
  argv: z.array(z.string()),
  /** The same as options, without text keys: what `--resume` takes over. */
  options: z.record(z.string(), z.unknown()),
  cwd: z.string(),
  images: z.array(z.string()),
  owner: ProcessIdentity,
  started_at: z.iso.datetime(),
  ended_at: z.nullable(z.iso.datetime()),
  error: z.optional(ErrorReport),
  /** Where `--resume` begins: the script that failed, or the one after the last that was done. */
  resume_at: z.optional(z.strictObject({ phase: z.string(), order: z.int() })),
  /** Layers with the work so far, kept by `--keep-on-error`, in the order of the images. */
  kept_layers: z.optional(z.array(z.string())),
  /** Of a run that succeeded. */
  changes: z.optional(MorphChanges),
  /** Of a run that succeeded: scripts that failed and were allowed to. */
  failed_scripts: z.optional(z.array(FailedScript)),
  /** The run that went on with this one. */
  resumed_by: z.optional(z.string()),
})
export type Run = z.infer<typeof Run>
