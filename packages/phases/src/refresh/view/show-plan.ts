import { printable } from '../../text/index.ts'
import { doomedScripts, type PhasePlan } from '../plan/plan.ts'

/** A plan for people. `missing`: phases without a directory. */
export function renderPlan(base: string, plans: readonly PhasePlan[], missing: readonly string[]): string {
  const lines = plans.flatMap(planLines)
  const absent = missing.length === 0 ? [] : [`no directory: ${missing.map(phase => `${phase}.d`).join(', ')}`]
  return [`base ${base}`, ...lines, ...absent].map(line => `${printable(line)}\n`).join('')
}

function planLines(plan: PhasePlan): string[] {
  const doomed = new Map(doomedScripts(plan).map(({ name, reason }) => [name, reason]))
  const rows = plan.groups.map((group, index) => {
    const names = group.map(({ name }) => (doomed.has(name) ? `${name} (will fail: ${doomed.get(name)})` : name))
    return `  ${String(index + 1).padStart(3)}  ${names.join('  +  ')}`
  })
  return [
    '',
    `${plan.phase}: ${plan.groups.flat().length} run, ${plan.notRun.length} do not`,
    ...plan.environmentFiles.map(file => `  env  ${file.replace(/.*\/(environment\.d\/)/, '$1')}`),
    ...rows,
    ...plan.notRun.map(({ name, reason }) => `    –  ${name}: ${reason}`),
  ]
}

/** The same as one object, for programs. */
export function planObject(base: string, plans: readonly PhasePlan[], missing: readonly string[]): unknown {
  return {
    version: 1,
    base,
    phases: plans.map(plan => ({
      phase: plan.phase,
      dir: plan.dir,
      environment_files: plan.environmentFiles,
      groups: plan.groups.map(group => group.map(({ name, order }) => ({ name, order }))),
      will_fail: doomedScripts(plan),
      not_run: plan.notRun,
    })),
    missing,
  }
}
