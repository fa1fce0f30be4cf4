import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { buildGuest } from '@instar/fixtures'
import { makeFolder, openAppliance } from '@instar/machine'
import { formatDuration } from '@instar/phases/text'
import type { DemoOptions } from '../commands/demo.ts'
import { defaultConfig } from '../config/default-config.ts'
import type { Context } from '../context.ts'
import { createLog } from '../serve/log.ts'
import { logFolderOf, startService } from '../serve/start-service.ts'
import { createDemoShell, type DemoShell } from './demo-shell.ts'

const SCRIPTS = fileURLToPath(new URL('../../../../examples/demo', import.meta.url))
/** Between the boot record and the first partition, where GRUB's 60 KiB do not reach: a change that harms nothing. */
const CHANGE = { offset: '896k', length: '64k' }

/** `instar demo --service`: a throw-away service moves a small real guest, twice, deploys it, and shows what every script did. */
export async function runServiceDemo(context: Context, options: DemoOptions): Promise<number> {
  const began = performance.now()
  const work = await mkdtemp(join(tmpdir(), 'instar-demo-'))
  await using _work = {
    [Symbol.asyncDispose]: async () => {
      await stopMachines(join(work, 'new'))
      await rm(work, { recursive: true, force: true })
    },
  }
  await mkdir(join(work, 'new'))
  // PostgreSQL does not run as root: its user must be able to pass.
  await chmod(work, 0o755)
  const say = (text: string) => context.stdout.write(`${text}\n`)
  say('Building a small Debian guest with its own boot loader (kept for the next time)')
  await makeSource(context, options, work)
  say('\nStarting the service on a throw-away folder: its own PostgreSQL, the API, a worker')
  const dataDir = join(work, 'service')
  await mkdir(dataDir)
  const password = randomBytes(18).toString('base64url')
  using log = await createLog({ level: 'info', folder: logFolderOf(dataDir), name: 'instar', quiet: true })
  const config = { ...defaultConfig(), listen: '127.0.0.1:0', admin_password: password }
  await using service = await startService({ config, dataDir, paths: context.paths, log, signal: context.signal })
  say(`  ready at ${service.url}\n`)
  const shown = [
    [work, '/demo'],
    [SCRIPTS, 'examples/demo'],
  ] as const
  await moveMachine(createDemoShell(context, { url: service.url ?? '', password, work, shown }), options, work)
  say(`\nall done in ${formatDuration(performance.now() - began)}`)
  return 0
}

/** A folder with one machine, described beside its image, as the platform `disk-images` reads it. */
async function makeSource(context: Context, { accel }: DemoOptions, work: string): Promise<void> {
  const { cacheDir, runtimeDir } = context.paths
  await makeFolder(runtimeDir, 0o700)
  const guest = await buildGuest({
    variant: 'ext4',
    cacheDir,
    signal: context.signal,
    onProgress: message => context.stdout.write(`  ${message}\n`),
    openMachine: disks => openAppliance({ cacheDir, runtimeDir, disks, accel, signal: context.signal }),
  })
  await mkdir(join(work, 'old/web'), { recursive: true })
  await copyFile(guest.file, join(work, 'old/web/disk.qcow2'))
  await writeFile(join(work, 'old/web/machine.yaml'), 'memory_mb: 512\ndisks:\n  - file: disk.qcow2\n')
}

async function moveMachine(shell: DemoShell, options: DemoOptions, work: string): Promise<void> {
  for (const name of ['old', 'new']) {
    const connection = JSON.stringify({ folder: join(work, name) })
    await shell.run([
      'endpoint',
      'create',
      '--name',
      name,
      '--provider',
      'disk-images',
      '--connection',
      connection,
      '-c',
      'id',
      '-c',
      'type',
    ])
  }
  await shell.run(['endpoint', 'instance', 'list', 'old'])
  await shell.show(await writeTransfer(options, work))
  await shell.run(['transfer', 'create', '--file', join(work, 'transfer.yaml'), '-c', 'instances', '-c', 'notes'])
  await shell.run(['transfer', 'execute', 'web', '--wait', '-c', 'status'])
  await tellCopied(shell, 'the first copy')
  const change = `write -q -P 0x49 ${CHANGE.offset} ${CHANGE.length}`
  await promisify(execFile)('qemu-io', ['-f', 'qcow2', '-c', change, join(work, 'old/web/disk.qcow2')])
  shell.say('\n# 64 KiB of the disk are changed\n')
  await shell.run(['transfer', 'execute', 'web', '--wait', '-c', 'status'])
  await tellCopied(shell, 'the second copy')
  await shell.run(['deployment', 'create', 'web', '--follow', '-c', 'status'])
  const [deployment] = (await shell.ask(['deployment', 'list'])) as { ID: string }[]
  await shell.run(['script', 'list', deployment!.ID, '-c', 'Phase', '-c', 'Script', '-c', 'Attempt', '-c', 'Ended', '-c', 'Took'])
  await shell.run(['script', 'log', deployment!.ID])
}

/** What is moved, from where to where, and the scripts of four phases. */
async function writeTransfer({ accel, memory }: DemoOptions, work: string): Promise<string> {
  const script = (phase: string, name: string) => `      - { phase: ${phase}, file: ${join(SCRIPTS, phase, name)} }`
  const lines = [
    'origin_endpoint: old',
    'destination_endpoint: new',
    'instances: [web]',
    'notes: web',
    // The first-boot scripts tell what they did when the machine boots.
    `destination_environment: { start: true, accel: ${accel}${memory === undefined ? '' : `, memory_mb: ${memory}`} }`,
    'user_scripts:',
    '  global:',
    '    linux:',
    script('osmorphing_pre_os_mount', '10-disks'),
    script('osmorphing_post_os_mount', '10-motd'),
    script('osmorphing_pre_os_dismount', '10-report'),
    script('replica_first_boot', '10-hello'),
  ]
  const file = join(work, 'transfer.yaml')
  await writeFile(file, `${lines.join('\n')}\n`)
  return file
}

/** A deployed machine runs by itself, whatever becomes of the service; this one goes with its disks. */
async function stopMachines(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = Number(await readFile(join(folder, name, 'run/qemu.pid'), 'utf8').catch(() => ''))
    const command = pid > 1 ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') : ''
    if (command.includes(folder)) process.kill(pid, 'SIGKILL')
  }
}

interface Known {
  readonly 'instances-data': Readonly<Record<string, { readonly volumes_info: readonly { readonly replica_state: Copied }[] }>>
}

interface Copied {
  readonly virtual_bytes: number
  readonly written_bytes: number
}

async function tellCopied(shell: DemoShell, what: string): Promise<void> {
  const known = (await shell.ask(['transfer', 'show', 'web', '--show-instances-data'])) as Known
  const state = known['instances-data']['web']!.volumes_info[0]!.replica_state
  const bytes = (count: number) => count.toLocaleString('en-US')
  shell.say(`${what} wrote ${bytes(state.written_bytes)} of ${bytes(state.virtual_bytes)} bytes`)
}
