import type { ScriptRun } from '../script-run.ts'

/** Which attempt of which script begins. */
export interface BegunScript<Source extends ScriptRun['source']> {
  readonly id: string
  readonly runId: string
  readonly phase: string
  readonly source: Source
  readonly name: string
  /** Position within the phase, from 1. */
  readonly order: number
  /** From 1. */
  readonly attempt: number
  readonly startedAt: Date
  /** Of the script's text, in hex. */
  readonly payloadSha256: string
}

/** The record of an attempt that begins: nothing is known of its end. */
export function beginScriptRun<Source extends ScriptRun['source']>(script: BegunScript<Source>) {
  return {
    version: 1 as const,
    id: script.id,
    run_id: script.runId,
    phase: script.phase,
    source: script.source,
    name: script.name,
    order: script.order,
    attempt: script.attempt,
    started_at: script.startedAt.toISOString(),
    ended_at: null,
    exit_code: null,
    signal: null,
    timed_out: false,
    interrupted: false,
    stdout_bytes: 0,
    stderr_bytes: 0,
    payload_sha256: script.payloadSha256,
  }
}
