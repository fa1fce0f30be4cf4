import { open } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError } from '@instar/contract'
import { runCommand } from '../channel/run-command.ts'
import { runHostTool } from '../host/host-tool.ts'
import { BOOT_DISK, type QemuOptions, type SnapshotFiles } from '../qemu/argv.ts'
import type { Qmp } from '../qemu/qmp.ts'
import { SHARED_MEMORY, startVm } from '../vm.ts'
import { WARM_UP } from './warm-up.ts'

const BOOT_TIMEOUT_MS = 120_000
const STEP_TIMEOUT_MS = 60_000
const POLL_MS = 20

interface MakeOptions extends Omit<QemuOptions, 'from' | 'disks'> {
  /** For QEMU's temporary files, and for those of the snapshot; beside it lies the root image. */
  readonly folder: string
  readonly files: SnapshotFiles
  readonly signal: AbortSignal
}

/** Boots the appliance without disks, lets it read what a morph will need, and saves memory, devices and root when all is on the host's disk. */
export async function makeSnapshot(options: MakeOptions): Promise<void> {
  const { files, folder } = options
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(BOOT_TIMEOUT_MS + 2 * STEP_TIMEOUT_MS)])
  // Named from here, as the cache may be moved.
  const backing = join('..', basename(options.image.rootImage))
  await runHostTool(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', backing, '-F', 'raw', files.root], { signal, package: 'qemu-utils' })
  const from = { kind: 'kernel-to-snapshot', files } as const
  const start = { ...options, from, disks: [], folder, bootTimeoutMs: BOOT_TIMEOUT_MS, onStarted: async () => {}, signal }
  const vm = await startVm(start)
  try {
    await unplugBootDisk(vm.qmp, signal)
    const warmed = await runCommand(vm.channel, ['sh', '-c', WARM_UP], { signal, timeoutMs: STEP_TIMEOUT_MS })
    if (warmed.exitCode !== 0) throw new InstarError('machine.start-failed', `the appliance does not warm up: ${warmed.stderrTail.trim()}`)
    await save(vm.qmp, files, signal)
    await vm.quit()
  } finally {
    await vm.kill()
  }
  // Most of the memory was never used.
  await runHostTool(['fallocate', '--dig-holes', files.memory], { signal, package: 'util-linux' })
  for (const file of Object.values(files)) await flush(file)
}

async function unplugBootDisk(qmp: Qmp, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(STEP_TIMEOUT_MS)])
  const gone = qmp.event('DEVICE_DELETED', data => data['device'] === BOOT_DISK, limit)
  gone.catch(() => {})
  await qmp.execute('device_del', { id: BOOT_DISK }, limit)
  await gone
}

async function save(qmp: Qmp, files: SnapshotFiles, signal: AbortSignal): Promise<void> {
  await qmp.execute('migrate-set-capabilities', SHARED_MEMORY, signal)
  await qmp.execute('migrate', { uri: `exec:cat >'${files.state.replaceAll("'", String.raw`'\''`)}'` }, signal)
  for (;;) {
    const answer = (await qmp.execute('query-migrate', {}, signal)) as { status?: string; 'error-desc'?: string }
    if (answer.status === 'completed') return
    if (answer.status === 'failed' || answer.status === 'cancelled') {
      throw new InstarError('machine.start-failed', `QEMU cannot save the appliance: ${answer['error-desc'] ?? answer.status}`)
    }
    await sleep(POLL_MS, undefined, { signal })
  }
}

async function flush(file: string): Promise<void> {
  const handle = await open(file, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
