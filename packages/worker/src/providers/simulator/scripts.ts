import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError, MORPHING_PHASES, type ScriptRun } from '@instar/contract'
import type { ScriptLog } from '@instar/morph'
import { beginScriptRun, type ScriptSpec } from '@instar/contract/scripts'
import { chooseScripts } from '../../morphing/choose-scripts.ts'
import type { ProviderMorphRequest } from '../morphing-half.ts'
import type { SimulatorTask } from './destination.ts'

/** Lines of a script that say what its simulated run does: prints a line, to stderr too, takes its time, ends with an exit code. */
const ACTS = /^#\s*simulate:\s*(print|warn|wait|exit)\s+(.*?)\s*$/gm
const MAX_WAIT_MS = 60_000

/**
 * Pretends to run the scripts that would run: their records are kept and their output tells so, or is what their lines `# simulate: print TEXT`,
 * `warn TEXT`, `wait MS` and `exit CODE` say. Nothing of them is executed.
 */
export async function pretendScripts(call: SimulatorTask, request: ProviderMorphRequest): Promise<void> {
  const { run, notRun } = chooseScripts(request.userScripts, call.instance, request.exportInfo.os_type)
  for (const { script, reason } of notRun) call.event('WARNING', `Script ${script.name} of ${script.phase} does not run: ${reason}`)
  for (const phase of MORPHING_PHASES.filter(name => name !== 'osmorphing_on_error')) {
    for (const [at, script] of run.filter(one => one.phase === phase).entries()) await pretendScript(script, at + 1, call, request)
  }
}

async function pretendScript(script: ScriptSpec, order: number, { signal }: SimulatorTask, request: ProviderMorphRequest): Promise<void> {
  const { recorder, emit } = request
  const begun = beginRecord(script, order)
  const log = await recorder.open(begun, script.payload)
  const event = { kind: 'script', step: script.name, script_run_id: begun.id, message: `${script.phase} ${order}: ${script.name}` } as const
  emit({ ...event, state: 'started' })
  const ended = await pretendActs(script, log, signal)
  await log.close({ ...begun, ...ended, ended_at: new Date().toISOString() })
  emit({ ...event, state: ended.exit_code === 0 ? 'succeeded' : 'failed' })
  if (ended.exit_code !== 0 && script.onFailure === 'abort') {
    throw new InstarError('script.failed', `${script.phase} script ${script.name} failed with exit code ${ended.exit_code}`)
  }
}

async function pretendActs(script: ScriptSpec, log: ScriptLog, signal: AbortSignal) {
  const ended = { exit_code: 0, stdout_bytes: 0, stderr_bytes: 0 }
  const write = async (stream: 'stdout' | 'stderr', line: string) => {
    const bytes = Buffer.from(`${line}\n`)
    ended[`${stream}_bytes`] += bytes.length
    await log.write(stream, bytes)
  }
  const acts = [...script.payload.matchAll(ACTS)].map(([, what, argument = '']) => ({ what, argument }))
  if (acts.every(({ what }) => what === 'exit')) await write('stdout', `simulated: ${script.name} was not run`)
  for (const { what, argument } of acts) {
    if (what === 'print' || what === 'warn') await write(what === 'print' ? 'stdout' : 'stderr', argument)
    else if (what === 'wait') await sleep(Math.min(Number(argument) || 0, MAX_WAIT_MS), undefined, { signal })
    else ended.exit_code = Math.min(Number(argument) || 0, 255)
  }
  return ended
}

function beginRecord(script: ScriptSpec, order: number): ScriptRun {
  const payloadSha256 = createHash('sha256').update(script.payload).digest('hex')
  return beginScriptRun({ ...script, id: randomUUID(), runId: 'simulated', order, attempt: 1, startedAt: new Date(), payloadSha256 })
}
