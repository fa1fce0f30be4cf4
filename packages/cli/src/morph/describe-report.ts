import { MACHINE_PHASES } from '@instar/contract/phases'
import { failedScriptsOf, type MorphReport } from '@instar/morph'
import { describeFailedScripts } from '../runs/script-end.ts'
import { leavesImages } from './leaves-images.ts'
import type { MorphTask } from './prepare-task.ts'

/** The last lines of a morph that went well: what ran, what was changed, what to do next. */
export function describeReport(report: MorphReport, task: MorphTask, runId: string): string {
  const ran = MACHINE_PHASES.flatMap(phase => {
    const names = new Set(report.scripts.filter(script => script.phase === phase).map(({ name }) => name))
    return names.size === 0 ? [] : [`${names.size} in ${phase}`]
  })
  const written = task.options.output ?? (task.options.minion === undefined ? task.images : task.options.device) ?? []
  const failed = failedScriptsOf(report)
  return [
    `${task.instance}: ${report.system}`,
    ...(failed.length === 0 ? [] : [describeFailedScripts(failed)]),
    `scripts run: ${ran.join(', ') || 'none'}${report.firstBootScripts > 0 ? `; ${report.firstBootScripts} will run at first boot` : ''}`,
    `files changed: ${report.changed.length}${report.changed.length > 0 ? ', named in the record' : ''}`,
    `written: ${leavesImages(report, task) ? 'nothing, as nothing was changed' : written.join(' ')}`,
    `record: instar run show ${runId}`,
  ].join('\n')
}
