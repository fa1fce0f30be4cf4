import { MACHINE_PHASES } from '../phases.ts'
import type { OsType, ScriptSpec } from './script-spec.ts'

/** All scripts that were given, by where they came from. */
export interface GivenScripts {
  readonly global: readonly { readonly osType: OsType; readonly script: ScriptSpec }[]
  readonly instances: readonly { readonly instance: string; readonly script: ScriptSpec }[]
  /** The machine's own from this side: the folder's first, then those of `--script`. */
  readonly own: readonly { readonly osType?: OsType; readonly script: ScriptSpec }[]
}

/** What runs on one machine, phase by phase in order, and what does not, with the reason. */
export interface Selection {
  readonly run: readonly ScriptSpec[]
  readonly notRun: readonly { readonly script: ScriptSpec; readonly reason: string; readonly isShadowed: boolean }[]
}

/**
 * Which scripts run for a machine: its own if it has any, else the global ones of its OS type (the rule of the v1 API, reference/phases.md);
 * with `merge` the global ones first, then its own, phase by phase.
 */
export function selectScripts(given: GivenScripts, machine: { instance: string; osType: OsType; merge: boolean }): Selection {
  const notRun: Selection['notRun'][number][] = []
  const forOs = given.global.filter(({ osType, script }) => {
    if (osType !== machine.osType)
      notRun.push({ script, reason: `is for ${osType}; this machine runs ${machine.osType}`, isShadowed: false })
    return osType === machine.osType
  })
  const ofThis = given.instances.filter(({ instance, script }) => {
    if (instance !== machine.instance)
      notRun.push({ script, reason: `is for machine ${instance}; this one is ${machine.instance}`, isShadowed: false })
    return instance === machine.instance
  })
  const fromHere = given.own.filter(({ osType, script }) => {
    const fits = osType === undefined || osType === machine.osType
    if (!fits) notRun.push({ script, reason: `is for ${osType}; this machine runs ${machine.osType}`, isShadowed: false })
    return fits
  })
  const own = [...fromHere, ...ofThis].map(({ script }) => script)
  const global = forOs.map(({ script }) => script)
  if (own.length > 0 && !machine.merge) {
    const reason = 'shadowed: the machine has scripts of its own (--merge runs both)'
    notRun.push(...global.map(script => ({ script, reason, isShadowed: true })))
    return { run: inPhaseOrder(own), notRun }
  }
  return { run: inPhaseOrder([...global, ...own]), notRun }
}

/** By phase, keeping the order within; a second script of the same name in a phase becomes `name-2`. */
function inPhaseOrder(scripts: readonly ScriptSpec[]): ScriptSpec[] {
  return MACHINE_PHASES.flatMap(phase => {
    const taken = new Set<string>()
    return scripts
      .filter(script => script.phase === phase)
      .map(script => {
        let name = script.name
        for (let copy = 2; taken.has(name); copy += 1) name = `${script.name}-${copy}`
        taken.add(name)
        return { ...script, name }
      })
  })
}
