import { join } from 'node:path'
import type { Emit, Run } from '@instar/contract'
import { changesOf, failedScriptsOf, morph, resumePoint, type MorphReport } from '@instar/morph'
import { findKnown, reportError } from '@instar/phases/text'
import type { MorphOptions } from '../commands/morph.ts'
import type { Context } from '../context.ts'
import { shellLine } from '../output/shell-words.ts'
import { RunFailed } from '../runs/run-failed.ts'
import { openRecord, type RunRecord } from '../runs/run-record.ts'
import { RunStore } from '../runs/run-store.ts'
import { sortByStart } from '../runs/show.ts'
import { createScriptFiles } from '../runs/script-files.ts'
import { chooseView } from '../view/choose.ts'
import { createEmitter } from './emitter.ts'
import { newRun } from './new-run.ts'
import { openMinion } from './open-minion.ts'
import { prepareTask, type MorphTask } from './prepare-task.ts'
import { findResumable } from './resume.ts'
import { describeReport } from './describe-report.ts'
import { leavesImages } from './leaves-images.ts'
import { openWorkspace, type Workspace } from './workspace.ts'

const COMMIT_STEP = 'Writing the changes into the image'

interface MorphRun {
  readonly context: Context
  readonly task: MorphTask
  readonly record: RunRecord
  readonly emit: Emit
  readonly store: RunStore
  /** The run whose kept layers this one goes on with. */
  readonly resumes?: Run
}

/** `instar morph`: images in, images out, and a record of all that was done. Throws what ended it, after the record is kept. */
export async function runMorph(context: Context, images: readonly string[], options: MorphOptions): Promise<number> {
  const store = new RunStore(context.paths.stateDir)
  const earlier = options.resume === undefined ? undefined : await findResumable(context, store, { images, options })
  const task = await prepareTask(earlier?.images ?? images, { options: earlier?.options ?? options, earlier }, context.signal)
  const record = await openRecord(store, newRun(context, task))
  const view = chooseView(context, { json: options.json === true })
  const { emit, flush } = createEmitter(context, { id: record.id, instance: task.instance, store, view })
  const run: MorphRun = {
    context,
    task,
    record,
    emit,
    store,
    ...(earlier === undefined ? {} : { resumes: earlier.run }),
  }
  try {
    warnOfScriptsNotRun(run)
    const report = task.options.minion === undefined ? await morphImages(run) : await morphOnMinion(run)
    const failed = failedScriptsOf(report)
    const failures = failed.length === 0 ? {} : { failed_scripts: failed }
    await record.update({ state: 'succeeded', changes: changesOf(report), ...failures, ended_at: context.now().toISOString() })
    await giveOver(run)
    emit({ kind: 'result', state: 'succeeded', message: describeReport(report, task, record.id), ...failures })
    return 0
  } catch (thrown) {
    // Ctrl-C reaches QEMU too, whose end may be seen before our own signal is acted upon.
    const error: unknown = context.signal.aborted ? context.signal.reason : thrown
    const failure = reportError(error)
    await recordFailure(run, error)
    emit({ kind: 'result', state: 'failed', message: `${failure.message} [${failure.code}]` })
    throw new RunFailed(record.id, error)
  } finally {
    await flush()
    view.close()
  }
}

/** What cannot be recorded any more (the disk is full, say) must not hide what ended the run. */
async function recordFailure(run: MorphRun, error: unknown): Promise<void> {
  try {
    const ended_at = run.context.now().toISOString()
    await run.record.update({ ...(await failureOf(error, run)), error: reportError(error), ended_at })
  } catch (second) {
    run.emit({ kind: 'warning', message: `the record of this run is not complete: ${reportError(second).message}` })
  }
}

/** The whole way of a set of images: layers, minion, morph, and only then the images. */
async function morphImages(run: MorphRun): Promise<MorphReport> {
  const { task, context, emit } = run
  const { options } = task
  await using workspace = await openWorkspace({
    images: task.images,
    allowBacking: options.allowBacking ?? [],
    outputs: (options.output ?? []).map(file => ({
      file,
      ...(options.outputFormat === undefined ? {} : { format: options.outputFormat }),
    })),
    force: options.force === true,
    layerDir: join(context.paths.stateDir, 'layers'),
    signal: context.signal,
    say: message => emit({ kind: 'warning', message }),
    ...(options.format === undefined ? {} : { format: options.format }),
    ...(run.resumes === undefined ? {} : { resume: run.resumes.id }),
  })
  const report = await keepingOnError(run, workspace, () => morphLayers(run, workspace))
  if (leavesImages(report, task)) {
    emit({ kind: 'step', step: COMMIT_STEP, state: 'skipped', message: 'Nothing was changed: the image stays as it is' })
    return report
  }
  // A commit keeps its layers itself, to be finished by the next command.
  await (options.output === undefined ? publish(run, workspace) : keepingOnError(run, workspace, () => publish(run, workspace)))
  return report
}

async function morphLayers(run: MorphRun, workspace: Workspace): Promise<MorphReport> {
  await using machine = await openMinion(run.context, { options: run.task.options, layers: workspace.layers, emit: run.emit })
  return await morphOn(run, machine)
}

/** With `--keep-on-error` the layers outlive a failure, under this run's id. */
async function keepingOnError<T>(run: MorphRun, workspace: Workspace, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (run.task.options.keepOnError === true) {
      const files = await workspace.keep(run.record.id)
      await run.record.update({ kept_layers: files })
      await giveOver(run)
      run.emit({
        kind: 'warning',
        message: `the work so far is kept; enter it with: ${shellLine(['instar', 'shell', ...run.task.images])}`,
      })
    }
    throw error
  }
}

/** The layers of the run that this one went on with are its own now, or are in the image. */
async function giveOver({ resumes, record, store }: MorphRun): Promise<void> {
  if (resumes === undefined) return
  const { kept_layers: _gone, ...run } = resumes
  await store.save({ ...run, resumed_by: record.id })
}

async function morphOnMinion(run: MorphRun): Promise<MorphReport> {
  await using machine = await openMinion(run.context, { options: run.task.options, layers: [], emit: run.emit })
  return await morphOn(run, machine)
}

async function morphOn(run: MorphRun, machine: Parameters<typeof morph>[1]['machine']): Promise<MorphReport> {
  const { task, record, context, emit } = run
  return morph(
    { ...task.request, runId: record.id },
    { machine, signal: context.signal, emit, recorder: createScriptFiles(run.store.folderOf(record.id)) },
  )
}

async function publish(run: MorphRun, workspace: Workspace): Promise<void> {
  const step = run.task.options.output === undefined ? COMMIT_STEP : 'Writing the new image'
  run.emit({ kind: 'step', step, state: 'started' })
  try {
    await workspace.publish({
      runId: run.record.id,
      signal: run.context.signal,
      onPercent: (file, percent) => run.emit({ kind: 'progress', step, percent, message: file }),
    })
  } catch (error) {
    run.emit({ kind: 'step', step, state: 'failed' })
    throw error
  }
  run.emit({ kind: 'step', step, state: 'succeeded' })
}

function warnOfScriptsNotRun({ task, emit }: MorphRun): void {
  for (const { script, reason } of task.selection.notRun)
    emit({ kind: 'warning', message: `script ${script.name} (${script.phase}) will not run: ${reason}` })
  for (const { path, reason } of task.scripts.ignoredFiles) emit({ kind: 'warning', message: `${path} is not run: ${reason}` })
}

async function failureOf(error: unknown, run: MorphRun): Promise<Partial<Run>> {
  const known = findKnown(error)
  const state = known?.code === 'internal.cancelled' ? 'cancelled' : 'failed'
  const resumeAt = resumePoint({
    details: known?.details ?? {},
    scripts: sortByStart(await run.store.scriptRuns(run.record.id)),
    begunAt: run.task.request.resumeAt,
  })
  return { state, ...(resumeAt === undefined ? {} : { resume_at: resumeAt }) }
}
