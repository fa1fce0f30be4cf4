import { createHash } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createFirstBootReader, type FirstBootEnd, type FirstBootItem, type FirstBootResult } from '@instar/phases'
import { chooseScripts } from '../../morphing/choose-scripts.ts'
import type { FirstBootRequest } from '../destination-half.ts'
import type { DiskImagesTask } from './destination.ts'
import { deployedFolder } from './instances.ts'
import { DONE_FILE } from './morphing.ts'
import { RUN_FOLDER, runningPid } from './power.ts'
import { FIRST_BOOT_LOG } from './start-script.ts'

const POLL_MS = 500
const READ_BYTES = 64 * 1024

/**
 * Waits for the first boot of a machine that was started, and keeps what its scripts did as records of the execution. A script that failed, and a
 * machine that says nothing in time, are warnings: the machine is there.
 */
export async function watchFirstBoot(call: DiskImagesTask, request: FirstBootRequest): Promise<void> {
  const folder = await deployedFolder(call)
  if (!call.environment.start || folder === undefined || (await countScripts(folder)) === 0) return
  call.progress('Waiting for the first boot of the machine')
  const until = performance.now() + call.environment.first_boot_timeout_s * 1000
  for await (const item of readItems(call, folder, until)) {
    if (item.kind === 'result') await keepResult(call, request, item.result)
    else return tellEnd(call, item.end)
  }
  call.event('WARNING', `The machine told no end of its first-boot scripts; what it writes is in ${join(folder, RUN_FOLDER)}`)
}

async function countScripts(folder: string): Promise<number> {
  const text = await readFile(join(folder, DONE_FILE), 'utf8').catch(() => '{}')
  return (JSON.parse(text) as { first_boot_scripts?: number }).first_boot_scripts ?? 0
}

/** What the guest tells of this deployment's run, until the time is over or the machine is off. */
async function* readItems(call: DiskImagesTask, folder: string, until: number): AsyncGenerator<FirstBootItem> {
  const reader = createFirstBootReader()
  let place = 0
  for (;;) {
    const isLast = performance.now() > until || (await runningPid(folder)) === undefined
    for (;;) {
      const piece = await readFrom(join(folder, RUN_FOLDER, FIRST_BOOT_LOG), place)
      if (piece.length === 0) break
      place += piece.length
      for (const item of reader.push(piece)) if (runOf(item) === call.key) yield item
    }
    if (isLast) return
    await sleep(POLL_MS, undefined, { signal: call.signal })
  }
}

function runOf(item: FirstBootItem): string {
  return item.kind === 'end' ? item.end.run_id : item.result.run.run_id
}

async function readFrom(file: string, place: number): Promise<Buffer> {
  const handle = await open(file).catch(() => undefined)
  if (handle === undefined) return Buffer.alloc(0)
  await using _file = handle
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, place)
  return buffer.subarray(0, bytesRead)
}

async function keepResult(call: DiskImagesTask, request: FirstBootRequest, { run, output, notes }: FirstBootResult): Promise<void> {
  const { run: known } = chooseScripts(request.userScripts, call.instance, request.exportInfo.os_type)
  const payload = known.find(script => createHash('sha256').update(script.payload).digest('hex') === run.payload_sha256)?.payload ?? ''
  const log = await request.recorder.open({ ...run, ended_at: null, exit_code: null }, payload)
  await log.write('stdout', output)
  await log.close({ ...run, left_running: [...run.left_running] })
  for (const note of notes) call.event('INFO', `${run.name}: ${note}`)
  if (run.exit_code !== 0)
    call.event('WARNING', `First-boot script ${run.name} ended with ${run.exit_code ?? run.signal ?? 'no exit code'}`)
}

function tellEnd(call: DiskImagesTask, end: FirstBootEnd): void {
  const { succeeded, failed, skipped, boots, state, reason } = end
  const counts = `${succeeded} succeeded, ${failed} failed, ${skipped} skipped, in ${boots} boots`
  call.event(
    state === 'complete' && failed === 0 ? 'INFO' : 'WARNING',
    `First-boot scripts ${state}${reason === '' ? '' : ` (${reason})`}: ${counts}`,
  )
}
