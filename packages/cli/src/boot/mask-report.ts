import type { Redactor } from '@instar/morph'
import type { FirstBootReport } from '@instar/phases'

/** The results without secrets: what the replica's runner could not know, or did not mask. */
export function maskReport(report: FirstBootReport, redactor: Redactor): FirstBootReport {
  const results = report.results.map(result => ({
    ...result,
    run: { ...result.run, left_running: result.run.left_running.map(command => redactor.text(command)) },
    output: maskBytes(result.output, redactor),
  }))
  return { ...report, results }
}

function maskBytes(bytes: Buffer, redactor: Redactor): Buffer {
  const filter = redactor.stream()
  return Buffer.concat([filter.take(bytes), filter.end()])
}
