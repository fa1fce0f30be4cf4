import { createHash, randomUUID } from 'node:crypto'
import { InstarError, MORPHING_PHASES, type ScriptRun } from '@instar/contract'
import { beginScriptRun, type ScriptSpec } from '@instar/contract/scripts'
import { chooseScripts } from '../../morphing/choose-scripts.ts'
import type { ProviderMorphRequest } from '../morphing-half.ts'
import type { SimulatorTask } from './destination.ts'

/** A line of a script that says how its simulated run ends. */
const EXIT = /^#\s*simulate:\s*exit\s+(\d{1,3})\s*$/m

/** Pretends to run the scripts that would run: their records are kept and their output tells so. Nothing of them is executed. */
export async function pretendScripts(call: SimulatorTask, request: ProviderMorphRequest): Promise<void> {
  const { run, notRun } = chooseScripts(request.userScripts, call.instance, request.exportInfo.os_type)
  for (const { script, reason } of notRun) call.event('WARNING', `Script ${script.name} of ${script.phase} does not run: ${reason}`)
  for (const phase of MORPHING_PHASES.filter(name => name !== 'osmorphing_on_error')) {
    for (const [at, script] of run.filter(one => one.phase === phase).entries()) await pretendScript(script, at + 1, request)
  }
}

async function pretendScript(script: ScriptSpec, order: number, { recorder, emit }: ProviderMorphRequest): Promise<void> {
  const exitCode = Number(EXIT.exec(script.payload)?.[1] ?? 0)
  const output = Buffer.from(`simulated: ${script.name} was not run\n`)
  const begun = beginRecord(script, order)
  const log = await recorder.open(begun, script.payload)
  const event = { kind: 'script', step: script.name, script_run_id: begun.id, message: `${script.phase} ${order}: ${script.name}` } as const
  emit({ ...event, state: 'started' })
  await log.write('stdout', output)
  await log.close({ ...begun, ended_at: new Date().toISOString(), exit_code: exitCode, stdout_bytes: output.length })
  emit({ ...event, state: exitCode === 0 ? 'succeeded' : 'failed' })
  if (exitCode !== 0 && script.onFailure === 'abort') {
    throw new InstarError('script.failed', `${script.phase} script ${script.name} failed with exit code ${exitCode}`)
  }
}

function beginRecord(script: ScriptSpec, order: number): ScriptRun {
  const payloadSha256 = createHash('sha256').update(script.payload).digest('hex')
  return beginScriptRun({ ...script, id: randomUUID(), runId: 'simulated', order, attempt: 1, startedAt: new Date(), payloadSha256 })
}
