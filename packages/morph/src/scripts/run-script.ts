import { createHash } from 'node:crypto'
import { StringDecoder } from 'node:string_decoder'
import type { Emit, ScriptRun } from '@instar/contract'
import { beginScriptRun, type ScriptSpec } from '@instar/contract/scripts'
import type { Machine, RunResult } from '@instar/machine'
import { scriptEnvironment, type PhaseFacts } from './environment.ts'
import { missingInterpreter } from './missing-interpreter.ts'
import { OutputTail } from './output-tail.ts'
import type { ScriptLog, ScriptRecorder } from './recorder.ts'
import type { Redactor } from './redact.ts'

/** Of one attempt's output this much goes into events; all of it goes to the log. */
const EVENT_BYTES_MAX = 1024 * 1024
/** Of each of its streams so much is kept for the on-error scripts. */
const TAIL_BYTES = 256 * 1024

/** What running scripts needs of its surroundings. */
export interface ScriptWorld {
  readonly machine: Machine
  readonly recorder: ScriptRecorder
  readonly emit: Emit
  readonly signal: AbortSignal
  readonly newId: () => string
  readonly redactor: Redactor
  /** Told of each finished attempt, also of the one that ends the phase. */
  readonly onAttempt?: (attempt: Attempt) => void
}

export interface Attempt {
  readonly run: ScriptRun
  readonly result: RunResult
  /** The program of its first line, where the minion does not have it, so that the script could not start. */
  readonly missing: string | undefined
  /** Where its output lies, in words. */
  readonly log: string
  /** The ends of its stdout and then its stderr, without secrets. */
  readonly printed: () => Buffer
}

/** Runs one script once on the minion, as root, with `$1` = the mounted root, and keeps its record and output. */
export async function runAttempt(
  world: ScriptWorld,
  task: { script: ScriptSpec; order: number; attempt: number },
  facts: PhaseFacts,
): Promise<Attempt> {
  const { script, order, attempt } = task
  const file = `/run/instar/${facts.runId}/scripts/${script.phase}-${order}-${fileName(script.name)}`
  await world.machine.write(file, script.payload, { signal: world.signal, mode: 0o700 })
  const begun = newRecord(script, { id: world.newId(), runId: facts.runId, order, attempt })
  const log = await world.recorder.open(begun, script.payload)
  world.emit({
    kind: 'script',
    step: script.name,
    state: 'started',
    script_run_id: begun.id,
    message: `${script.phase} ${order}: ${script.name}`,
  })
  const output = outputOf(world, log, begun.id)
  let result: RunResult
  let missing: string | undefined
  try {
    result = await world.machine.run(commandLine(script.payload, file, facts.root), {
      signal: world.signal,
      env: scriptEnvironment(script, attempt, facts),
      cwd: '/',
      timeoutMs: script.timeoutS * 1000,
      survivors: script.phase === 'osmorphing_pre_os_mount' ? 'keep' : 'end',
      onStdout: piece => output.take('stdout', piece),
      onStderr: piece => output.take('stderr', piece),
    })
    missing = await missingInterpreter(world.machine, { script, exitCode: result.exitCode }, world.signal)
  } catch (error) {
    // What ended it is told, not that its last letters could not be kept either.
    await output.end().catch(() => undefined)
    await log.close({ ...begun, ...output.sizes(), ended_at: new Date().toISOString(), interrupted: true })
    world.emit({
      kind: 'script',
      step: script.name,
      state: 'failed',
      script_run_id: begun.id,
      message: `${script.phase} ${order}: ${script.name} was interrupted`,
    })
    throw error
  }
  // What the machine says of it names the script's file.
  if (missing !== undefined) await output.take('stderr', Buffer.from(`instar: the minion has no ${missing}\n`))
  const run = { ...finishedRecord(begun, result, world.redactor), ...output.sizes() }
  await output.end()
  await log.close(run)
  const attempted = { run, result, missing, log: log.place, printed: output.printed }
  world.onAttempt?.(attempted)
  return attempted
}

/** A payload without a shebang runs under /bin/sh. */
function commandLine(payload: string, file: string, root: string): string[] {
  return payload.startsWith('#!') ? [file, root] : ['/bin/sh', file, root]
}

function fileName(name: string): string {
  return name.replaceAll(/[^\w.-]/g, '_').slice(0, 100)
}

function newRecord(script: ScriptSpec, at: { id: string; runId: string; order: number; attempt: number }): ScriptRun {
  const payloadSha256 = createHash('sha256').update(script.payload).digest('hex')
  return beginScriptRun({ ...script, ...at, startedAt: new Date(), payloadSha256 })
}

function finishedRecord(begun: ScriptRun, result: RunResult, redactor: Redactor): ScriptRun {
  const leftRunning = result.survivors.map(({ pid, command }) => redactor.text(`${pid} ${command}`))
  return {
    ...begun,
    started_at: result.startedAt.toISOString(),
    ended_at: result.endedAt.toISOString(),
    exit_code: result.exitCode,
    signal: result.signal,
    timed_out: result.timedOut,
    ...(leftRunning.length === 0 ? {} : { left_running: leftRunning }),
  }
}

/** Passes output on, without secrets: to the log whole, to events as text and up to a limit; and keeps its end. */
function outputOf(world: ScriptWorld, log: ScriptLog, id: string) {
  const streams = { stdout: newStream(world), stderr: newStream(world) }
  let told = 0
  const pass = async (name: 'stdout' | 'stderr', piece: Buffer): Promise<void> => {
    if (piece.length === 0) return
    streams[name].tail.take(piece)
    if (told < EVENT_BYTES_MAX) {
      world.emit({ kind: 'output', stream: name, script_run_id: id, message: streams[name].decoder.write(piece) })
      told += piece.length
      if (told >= EVENT_BYTES_MAX) world.emit({ kind: 'warning', script_run_id: id, message: `more output follows in ${log.place} only` })
    }
    await log.write(name, piece)
  }
  return {
    printed: () => Buffer.concat([streams.stdout.tail.content(), streams.stderr.tail.content()]),
    sizes: () => ({ stdout_bytes: streams.stdout.bytes, stderr_bytes: streams.stderr.bytes }),
    take: async (name: 'stdout' | 'stderr', piece: Buffer): Promise<void> => {
      streams[name].bytes += piece.length
      await pass(name, streams[name].filter.take(piece))
    },
    end: async (): Promise<void> => {
      await pass('stdout', streams.stdout.filter.end())
      await pass('stderr', streams.stderr.filter.end())
    },
  }
}

function newStream(world: ScriptWorld) {
  return { bytes: 0, decoder: new StringDecoder('utf8'), filter: world.redactor.stream(), tail: new OutputTail(TAIL_BYTES) }
}
