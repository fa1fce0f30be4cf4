import { createHash } from 'node:crypto'
import { givenScripts, type ScriptPlan, type UserScripts } from '@instar/contract/api'
import { OS_TYPES, selectScripts, type ScriptSpec } from '@instar/contract/scripts'
import { MORPHING_PHASES } from '@instar/contract/phases'

interface PlanInput {
  readonly instances: readonly string[]
  readonly scripts: UserScripts
  readonly skipOsMorphing: boolean
  /** instance -> OS type, as far as an execution has told it. */
  readonly osTypes: ReadonlyMap<string, string>
}

type PlannedInstance = ScriptPlan['instances'][number]

/** Which scripts run on each machine, in which order, and which do not, with the reason (reference/phases.md). */
export function planScripts({ instances, scripts, skipOsMorphing, osTypes }: PlanInput): ScriptPlan {
  return {
    version: 1,
    skip_os_morphing: skipOsMorphing,
    instances: instances.map(instance => leaveOutMorphing(planInstance(instance, scripts, osTypes.get(instance)), skipOsMorphing)),
  }
}

function planInstance(instance: string, scripts: UserScripts, osType: string | undefined): PlannedInstance {
  const given = givenScripts(scripts, instance)
  const known = OS_TYPES.find(os => os === osType)
  if (known === undefined) {
    const reason =
      osType === undefined ? 'the OS type is not known yet: execute the transfer first' : `global scripts are not for the OS type ${osType}`
    const run = selectScripts({ ...given, global: [] }, { instance, osType: 'linux', merge: true }).run
    return {
      instance,
      os_type: osType ?? null,
      run: numbered(run),
      not_run: numbered(given.global.map(({ script }) => script)).map(script => ({ script, reason })),
    }
  }
  const selection = selectScripts(given, { instance, osType: known, merge: scripts.merge ?? false })
  return {
    instance,
    os_type: known,
    run: numbered(selection.run),
    not_run: selection.notRun.map(({ script, reason }) => ({ script: numbered([script])[0]!, reason })),
  }
}

/** Without morphing only what runs at the first boot is left, and that is not installed either: morphing installs it. */
function leaveOutMorphing(plan: PlannedInstance, skipOsMorphing: boolean): PlannedInstance {
  if (!skipOsMorphing) return plan
  const reason = `skip_os_morphing: the phases ${MORPHING_PHASES.join(', ')} do not come, and nothing is installed for the first boot`
  return { ...plan, run: [], not_run: [...plan.run.map(script => ({ script, reason })), ...plan.not_run] }
}

type PlannedScript = PlannedInstance['run'][number]

function numbered(specs: readonly ScriptSpec[]): PlannedScript[] {
  const last = new Map<string, number>()
  return specs.map(({ name, phase, source, payload, timeoutS, retries, onFailure }) => {
    const order = (last.get(phase) ?? 0) + 1
    last.set(phase, order)
    return {
      phase,
      order,
      name,
      source: source === 'global' ? 'global' : 'instance',
      payload_sha256: createHash('sha256').update(payload).digest('hex'),
      timeout_s: timeoutS,
      retries,
      on_failure: onFailure,
    }
  })
}
