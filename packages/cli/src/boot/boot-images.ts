import { InstarError } from '@instar/contract/errors'
import {
  bootReplica,
  consoleTail,
  lockImages,
  probeAccelerator,
  requireVerdict,
  type PromptAnswer,
  type ReplicaResult,
} from '@instar/machine'
import { createRedactor, type Redactor } from '@instar/morph'
import type { FirstBootReport } from '@instar/phases'
import { createLineSplitter, formatTable, printable } from '@instar/phases/text'
import type { BootOptions } from '../commands/boot.ts'
import type { Context } from '../context.ts'
import { collectSecrets } from '../scripts/collect.ts'
import { maskReport } from './mask-report.ts'
import { firstLines, rowOfResult } from './result-rows.ts'
import { createBootWatch } from './watch.ts'

const DEFAULT_MEMORY_MIB = 1024
/** How a boot ended for its user. */
export interface BootOutcome {
  readonly report: FirstBootReport
  /** What it was waited for: results, a text, or a log-in prompt where no results came. */
  readonly cameUpBy: 'first-boot' | 'text' | 'login'
  readonly reboots: number
  readonly wallMs: number
}

/** `instar boot`. Prints the console as it comes, then the results. */
export async function bootImages(context: Context, images: readonly string[], options: BootOptions): Promise<number> {
  const lines = createLineSplitter()
  const redactor = createRedactor(await collectSecrets(options.secret ?? []))
  const showConsole =
    options.quiet === true || options.json === true
      ? undefined
      : (text: string) => {
          for (const line of lines.take(text)) context.stdout.write(`${printable(redactor.text(line))}\n`)
        }
  const answers = await readAnswers(options.answer ?? [])
  const outcome = await bootAndWait(context, {
    images,
    options,
    answers,
    redactor,
    ...(showConsole === undefined ? {} : { onConsole: showConsole }),
  })
  if (options.json === true) context.stdout.write(`${JSON.stringify(outcomeForPrograms(outcome))}\n`)
  else printOutcome(context, outcome)
  return exitCodeOf(outcome.report)
}

/** Boots the images on a throw-away layer until the replica is up; throws `replica.timeout`, `replica.failed` or `replica.lost` when it is not. */
export async function bootAndWait(
  context: Context,
  boot: {
    images: readonly string[]
    options: Omit<BootOptions, 'json'>
    answers: readonly PromptAnswer[]
    /** Takes secrets out of what is told. */
    redactor: Redactor
    onConsole?: (text: string) => void
  },
): Promise<BootOutcome> {
  const { options } = boot
  const { signal, paths } = context
  const say = (message: string) => context.stderr.write(`${message}\n`)
  await using _locks = await lockImages(boot.images, { mode: 'shared', signal, say })
  const accel = options.accel === 'auto' ? await probeAccelerator({ ...paths, signal, onProgress: say }) : options.accel
  const watch = createBootWatch(options.until)
  const started = performance.now()
  try {
    const result = await bootReplica({
      disks: boot.images.map(file => ({ file, ...(options.format === undefined ? {} : { format: options.format }) })),
      allowBacking: [...(options.allowBacking ?? []), ...boot.images],
      firmware: options.firmware,
      bus: options.bus,
      memoryMiB: options.memory ?? DEFAULT_MEMORY_MIB,
      accel,
      // Under emulation a second CPU costs the host more than the guest gains.
      ...(accel === 'tcg' ? { cpus: 1 } : {}),
      network: options.network,
      runtimeDir: paths.runtimeDir,
      timeoutMs: options.timeout * 1000,
      answers: boot.answers,
      signal: AbortSignal.any([signal, watch.quiet]),
      until: seen => watch.until(seen),
      onPort: text => watch.take('port', text),
      onConsole: text => {
        watch.take('console', text)
        boot.onConsole?.(text)
      },
    })
    return {
      report: maskReport(watch.report(), boot.redactor),
      cameUpBy: requireUp(result, boot.redactor),
      reboots: result.reboots,
      wallMs: result.wallMs,
    }
  } catch (error) {
    if (!watch.quiet.aborted || signal.aborted) throw error
    return { report: maskReport(watch.report(), boot.redactor), cameUpBy: 'login', reboots: 0, wallMs: performance.now() - started }
  }
}

function requireUp(result: ReplicaResult<'first-boot' | 'text'>, redactor: Redactor): 'first-boot' | 'text' {
  try {
    return requireVerdict(result)
  } catch (error) {
    if (!(error instanceof InstarError)) throw error
    throw new InstarError(error.code, error.message, {
      cause: error.cause,
      hint: error.hint,
      details: { ...error.details, stderr_tail: redactor.text(consoleTail(result)) },
    })
  }
}

/** `--answer PROMPT=@FILE`. */
async function readAnswers(flags: readonly string[]): Promise<PromptAnswer[]> {
  const { readFile } = await import('node:fs/promises')
  return Promise.all(
    flags.map(async flag => {
      const at = flag.lastIndexOf('=@')
      if (at < 1)
        throw new InstarError('usage.bad-argument', '--answer is PROMPT=@FILE: a text of the prompt, and a file with what to type')
      const send = await readFile(flag.slice(at + 2), 'utf8')
      return { prompt: flag.slice(0, at), send: send.endsWith('\n') ? send : `${send}\n` }
    }),
  )
}

function printOutcome(context: Context, { report, cameUpBy, reboots, wallMs }: BootOutcome): void {
  const how = {
    'first-boot': 'the first-boot scripts have ended',
    text: 'the text was seen',
    login: 'it shows a log-in prompt and tells of no first-boot scripts',
  }[cameUpBy]
  context.stdout.write(
    `\nthe replica came up after ${(wallMs / 1000).toFixed(1)} s${reboots > 0 ? ` and ${reboots} reboots` : ''}: ${how}\n`,
  )
  if (report.results.length > 0)
    context.stdout.write(`\n${formatTable([['SCRIPT', 'ATTEMPT', 'ENDED', 'TOOK', 'OUTPUT'], ...report.results.map(rowOfResult)])}`)
  for (const { run_id, state, reason } of report.ends)
    if (state !== 'complete') context.stdout.write(`first boot of run ${run_id} was ${state}: ${printable(reason)}\n`)
}

function outcomeForPrograms({ report, cameUpBy, reboots, wallMs }: BootOutcome) {
  return {
    version: 1,
    came_up_by: cameUpBy,
    reboots,
    wall_ms: Math.round(wallMs),
    ends: report.ends,
    results: report.results.map(({ run, output, notes }) => ({
      ...run,
      notes,
      output_base64: output.toString('base64'),
      output: firstLines(output, 20),
    })),
  }
}

/** 4 where a script failed or did not run, else 0. */
export function exitCodeOf(report: FirstBootReport): number {
  return report.ends.some(({ state, failed, skipped }) => state !== 'complete' || failed + skipped > 0) ? 4 : 0
}
