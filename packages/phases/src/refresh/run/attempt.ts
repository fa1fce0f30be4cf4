import { setTimeout as sleep } from 'node:timers/promises'
import { beginScriptRun } from '@instar/contract/scripts'
import type { ScriptEnd, Starter, StarterLost } from '../../run-parts/starter.ts'
import { endAttempt } from '../containment/run-containment.ts'
import type { ScriptRecord } from '../journal/records.ts'
import { OutputBound } from '../output/bound.ts'
import { follow, type Follower } from '../output/follow.ts'
import type { Slot } from '../output/slots.ts'
import type { Cut } from './limits.ts'
import type { Script } from './script.ts'
import type { ScriptFile } from './script-files.ts'
import { warn } from './session.ts'
import type { Stage } from './stage.ts'

/** How long a shell may take to tell of a script that was ended: longer only when the kernel holds the script. */
const REPORT_PATIENCE_MS = 2000

interface Attempt {
  readonly shell: Starter
  readonly script: Script
  readonly file: ScriptFile
  /** From 1. */
  readonly attempt: number
}

/** Runs a script once and keeps its record: one line before it starts, one when it has ended. */
export async function runAttempt(stage: Stage, { shell, script, file, attempt }: Attempt): Promise<ScriptRecord> {
  const { session, phase } = stage
  const slot = session.slots.take()
  const begun = beginRecord(stage, { script, file, attempt, slot })
  session.journal.append({ kind: 'script', ...begun })
  session.emit({ kind: 'script', step: script.name, state: 'started', script_run_id: begun.id, message: `${phase}: ${script.name}` })
  const output = follow(slot, (stream, message) => session.emit({ kind: 'output', stream, message, script_run_id: begun.id }))
  const bound = new OutputBound(reason => warn(session, `the middle of the output of ${script.name} cannot be left out: ${reason}`))
  const endPolling = session.polling.add(() => {
    output.poll()
    bound.check(slot)
  })
  const outcome = await watch({ stage, shell, script, file, begun, slot })
  endPolling()
  output.end()
  const record = endRecord(begun, outcome, output)
  keepOutput(stage, slot, { outcome, output })
  session.journal.appendWithNext({ kind: 'script', ...record })
  return record
}

interface Outcome {
  readonly end: ScriptEnd | StarterLost
  /** `other`: something else of the run was cut short, and this with it. */
  readonly cut: Cut | 'other' | undefined
  readonly leftRunning: readonly string[]
  readonly memoryPeak: number | null
}

interface Watched {
  readonly stage: Stage
  readonly shell: Starter
  readonly script: Script
  readonly file: ScriptFile
  readonly begun: ScriptRecord
  readonly slot: Slot
}

async function watch({ stage, shell, script, file, begun, slot }: Watched): Promise<Outcome> {
  const { session, limits } = stage
  // Of scripts that run at the same time nobody can tell whose memory it is.
  const memory = stage.isParallel ? undefined : session.containment.memoryPeak
  memory?.begin()
  session.forks.begin()
  const running = shell.run({
    path: script.path,
    environment: { INSTAR_SCRIPT: script.name, INSTAR_ATTEMPT: String(begun.attempt) },
    stdout: slot.stdout.path,
    stderr: slot.stderr.path,
    kind: file.kind,
    ...(stage.isParallel ? { stdin: '/dev/null' } : {}),
  })
  const racing = limits.race(running, 'script')
  stage.files.readAhead(script.path)
  const race = await racing
  const memoryPeak = memory?.end() ?? null
  if (race.kind === 'done') return { end: race.value, cut: limits.cut === undefined ? undefined : 'other', leftRunning: [], memoryPeak }
  const { killAfterMs: graceMs } = session.options
  const leftRunning =
    race.kind === 'cancel'
      ? (await endAttempt(session.id, begun, { graceMs, children: shell.children() })).left
      : await session.containment.endAll(stage.shells.pids(), graceMs, running)
  const silent: StarterLost = { kind: 'lost', exitCode: null, signal: null }
  const end = await Promise.race([running, sleep(REPORT_PATIENCE_MS, silent, { ref: false })])
  return { end, cut: race.kind, leftRunning, memoryPeak }
}

/** The script's files stay when it printed something, or when something may still print into them. */
function keepOutput(
  { session, shells, isParallel }: Stage,
  slot: Slot,
  { outcome: { cut }, output }: { outcome: Outcome; output: Follower },
): void {
  const isUnheld = !isParallel && cut === undefined && (session.forks.wasOneProcess() || session.containment.hasOnly(shells.pids()))
  if (output.stdoutBytes > 0) session.journal.addOutput(slot.stdout.path)
  if (output.stderrBytes > 0) session.journal.addOutput(slot.stderr.path)
  session.slots.giveBack(slot, { isUnheld, isSilent: output.stdoutBytes + output.stderrBytes === 0 })
}

function beginRecord({ session, phase }: Stage, { script, file, attempt, slot }: Omit<Attempt, 'shell'> & { slot: Slot }): ScriptRecord {
  const begun = beginScriptRun({
    id: `${session.id}-${String(session.nextNumber()).padStart(4, '0')}`,
    runId: session.id,
    phase,
    source: 'refresh',
    name: script.name,
    order: script.order,
    attempt,
    startedAt: session.world.now(),
    payloadSha256: file.sha256,
  })
  return { ...begun, cpu_ms: null, memory_peak_bytes: null, output: slot.name }
}

function endRecord(begun: ScriptRecord, { end, cut, leftRunning, memoryPeak }: Outcome, output: Follower): ScriptRecord {
  const isKnown = end.kind === 'ended'
  return {
    ...begun,
    ...(isKnown ? { started_at: isoOf(end.startedAt) } : {}),
    ended_at: isoOf(isKnown ? end.endedAt : Date.now()),
    exit_code: isKnown ? end.exitCode : null,
    // Of a shell that we killed with all it had we know the signal; of one that somebody else killed we know nothing.
    signal: isKnown ? end.signal : cut === undefined ? null : 'SIGKILL',
    timed_out: cut === 'script-limit' || cut === 'run-limit',
    interrupted: cut === 'cancel' || cut === 'other' || (!isKnown && cut === undefined),
    stdout_bytes: output.stdoutBytes,
    stderr_bytes: output.stderrBytes,
    cpu_ms: isKnown ? end.cpuMs : null,
    memory_peak_bytes: memoryPeak,
    ...(leftRunning.length === 0 ? {} : { left_running: leftRunning }),
  }
}

function isoOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
