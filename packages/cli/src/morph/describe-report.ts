import type { MorphChanges } from '@instar/contract'
import { MACHINE_PHASES } from '@instar/contract/phases'
import type { MorphReport } from '@instar/morph'
import type { MorphTask } from './prepare-task.ts'

/** The last lines of a morph that went well: what ran, what was changed, what to do next. */
export function describeReport(report: MorphReport, task: MorphTask, runId: string): string {
  const ran = MACHINE_PHASES.flatMap(phase => {
    const names = new Set(report.scripts.filter(script => script.phase === phase).map(({ name }) => name))
    return names.size === 0 ? [] : [`${names.size} in ${phase}`]
  })
  const written = task.options.output ?? (task.options.minion === undefined ? task.images : task.options.device) ?? []
  return [
    `${task.instance}: ${report.system}`,
    `scripts run: ${ran.join(', ') || 'none'}${report.firstBootScripts > 0 ? `; ${report.firstBootScripts} will run at first boot` : ''}`,
    `files changed: ${report.changed.length}${report.changed.length > 0 ? ', named in the record' : ''}`,
    `written: ${written.join(' ')}`,
    `record: instar run show ${runId}`,
  ].join('\n')
}

/** What a run's record keeps of the report. */
export function changesOf(report: MorphReport): MorphChanges {
  return {
    system: report.system,
    steps: report.steps.filter(({ changes }) => changes.length > 0).map(({ step, changes }) => ({ step, changes: [...changes] })),
    files: report.changed.map(({ path, change, kind, sha256Before, sha256After }) => ({
      path,
      change,
      kind,
      ...(sha256Before === undefined ? {} : { sha256_before: sha256Before }),
      ...(sha256After === undefined ? {} : { sha256_after: sha256After }),
    })),
    warnings: [...report.warnings],
  }
}
