import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { MorphChanges } from '@instar/contract'
import { buildGuest, heavy, requires } from '@instar/fixtures'
import { hashFile, openAppliance } from '@instar/machine'
import { runningPid, stopMachine } from '../../packages/worker/src/providers/disk-images/power.ts'
import { qemuImg, qemuIo } from '../../packages/worker/src/replication/replication.fixture.ts'
import { startService, type Service } from '../api/service.ts'
import { GuestMoves, errorOf, type Volume } from './guest-moves.ts'

// A small real Debian is replicated twice over the whole service, deployed with scripts of every phase, and booted.

const skip = requires(['root', 'qemu', 'mmdebstrap', 'e2fsprogs'], process.env)
const signal = AbortSignal.timeout(900_000)
const cacheDir = process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar'

/** The small guest does not listen to its power button. */
const GRACE_MS = 2000

const scripts = (postMount: string) => ({
  global: {
    linux: [
      { phase: 'osmorphing_pre_os_mount', name: '10-disks', payload: '#!/bin/sh\necho "disks: $INSTAR_DISKS"\n' },
      { phase: 'osmorphing_post_os_mount', name: '20-greet', payload: '#!/bin/sh\necho once >>"$1/root/greetings"\necho "root: $1"\n' },
      { phase: 'osmorphing_post_os_mount', name: '30-agent', payload: postMount },
      {
        phase: 'osmorphing_pre_os_dismount',
        name: '40-last',
        payload: '#!/bin/sh\ntest -s "$INSTAR_SECRETS_DIR/token" && echo "secret found"\n',
        secrets: { token: 'canary-of-the-secret' },
      },
      {
        phase: 'osmorphing_on_error',
        name: '90-tell',
        payload: '#!/bin/sh\necho "$INSTAR_FAILED_SCRIPT failed with $INSTAR_FAILED_EXIT_CODE"\n',
      },
      { phase: 'replica_first_boot', name: '50-hello', payload: '#!/bin/sh\necho "hello from $(uname -n)"; cat /root/greetings\n' },
    ],
  },
})

describe('a real guest over the service', { skip, concurrency: false }, () => {
  let service: Service
  let turn: AsyncDisposable
  let moves: GuestMoves
  let failed = ''
  const folder = skip === false ? mkdtempSync(join(tmpdir(), 'instar-service-')) : ''
  const [from, to] = [join(folder, 'from'), join(folder, 'to')]
  const image = join(from, 'web-01', 'system.qcow2')

  before(async () => {
    const openMachine = (disks: Parameters<typeof openAppliance>[0]['disks']) =>
      openAppliance({ cacheDir, runtimeDir: join(folder, 'runtime'), disks, signal })
    const guest = await buildGuest({ variant: 'ext4', cacheDir, signal, openMachine })
    turn = await heavy(signal)
    mkdirSync(join(from, 'web-01'), { recursive: true })
    mkdirSync(to)
    copyFileSync(guest.file, image)
    writeFileSync(
      join(from, 'web-01', 'machine.yaml'),
      'memory_mb: 512\nbitmaps: true\ndisks: [{ file: system.qcow2 }]\nnics: [{ network: lan, mac_address: "52:54:00:12:34:56" }]\n',
    )
    service = await startService({ platforms: ['disk-images'], limitMs: 600_000 })
    moves = new GuestMoves(service, 'web-01')
    await moves.addTransfer(
      { from, to },
      {
        destination_environment: { network_map: { lan: 'none' }, verify: true, start: true, first_boot_timeout_s: 400 },
        user_scripts: scripts('#!/bin/sh\necho "no agent here" >&2\nexit 7\n'),
      },
    )
  })
  after(async () => {
    if (skip !== false) return
    for (const name of ['web-01', 'web-01-2']) if (existsSync(join(to, name))) await stopMachine(join(to, name), signal, GRACE_MS)
    await service?.[Symbol.asyncDispose]()
    await turn?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  async function execute(): Promise<Volume> {
    await moves.execute()
    return volume()
  }

  const deploy = (more: object) => moves.deploy({ clone_disks: true, skip_os_morphing: false, ...more })

  test('the first execution copies the guest, the second what changed', async () => {
    const first = await execute()
    // A place before the first partition, where nothing of the guest lies.
    qemuIo(image, 'qcow2', 'write -P 65 512k 4k')
    const second = await execute()

    assert.equal(second.replica_state.number, 2)
    assert.ok(first.replica_state.written_bytes > 100 * 1024 * 1024)
    assert.ok(second.replica_state.written_bytes <= 256 * 1024, `${second.replica_state.written_bytes} bytes written`)
    assert.match(qemuImg('compare', '-f', 'qcow2', '-F', 'qcow2', image, join(second.replica_folder, '0002.qcow2')), /identical/)
  })

  test('a script that fails fails the deployment, tells of itself, and leaves the replica as it was', async () => {
    const replica = join((await volume()).replica_folder, '0002.qcow2')
    const before = await hashFile(replica, signal)

    const deployment = await deploy({ user_scripts: null })
    failed = deployment.id

    assert.equal(deployment.last_execution_status, 'ERROR')
    const error = deployment.tasks.find(({ status }) => status === 'ERROR')
    assert.equal(error?.task_type, 'OS_MORPHING')
    assert.match(error?.exception_details ?? '', /30-agent/)
    const runs = await moves.scriptRuns(failed)
    assert.deepEqual(
      runs.map(({ name, exit_code }) => [name, exit_code]),
      [
        ['10-disks', 0],
        ['20-greet', 0],
        ['30-agent', 7],
        ['90-tell', 0],
      ],
    )
    assert.match(await moves.outputOf(runs[2], 'stderr'), /no agent here/)
    assert.match(await moves.outputOf(runs[3]), /30-agent failed with 7/)
    assert.equal(await hashFile(replica, signal), before)
    assert.ok(!existsSync(join(to, 'web-01')))
  })

  test('with the repaired script the deployment goes on where it failed; the machine boots, and its records come back', async () => {
    const repaired = scripts('#!/bin/sh\necho "agent installed"\n')

    const deployment = await deploy({ user_scripts: repaired, resume_from: failed })

    assert.equal(deployment.last_execution_status, 'COMPLETED', errorOf(deployment))
    const runs = await moves.scriptRuns(deployment.id)
    assert.deepEqual(
      runs.map(({ phase, name, exit_code }) => [phase, name, exit_code]),
      [
        ['osmorphing_pre_os_mount', '10-disks', 0],
        ['osmorphing_post_os_mount', '30-agent', 0],
        ['osmorphing_pre_os_dismount', '40-last', 0],
        ['replica_first_boot', '50-hello', 0],
      ],
    )
    assert.match(await moves.outputOf(runs[2]), /secret found/)
    // Once: the script that greets was not run again on the disks that were kept.
    assert.match(await moves.outputOf(runs[3]), /^hello from \S+\nonce\n$/)
    assert.equal(deployment.transfer_result?.['web-01']?.name, 'web-01')
    assert.match(readFileSync(join(to, 'web-01', 'run', 'console.log'), 'latin1'), /GUEST-IS-UP/)
    const { changes } = JSON.parse(readFileSync(join(to, 'web-01', 'morphed.json'), 'utf8')) as { changes: MorphChanges }
    assert.ok(
      changes.files.some(({ path, change }) => path.includes('instar') && change === 'created'),
      JSON.stringify(changes.files),
    )
    const told = deployment.tasks.flatMap(({ events }) => events.map(({ message }) => message))
    for (const { step } of changes.steps)
      assert.ok(
        told.some(message => message.startsWith(`${step}: `)),
        `${step}: ${told.join('\n')}`,
      )
    assert.ok(changes.steps.length > 0)
  })

  test('the machine is listed and shut down, and the replica can be synchronised and deployed again', async () => {
    const { instances } = await service.json<{ instances: { name: string }[] }>('GET', `/endpoints/${moves.destination}/instances`)
    assert.ok(instances.some(({ name }) => name === 'web-01'))
    await stop(join(to, 'web-01'))
    qemuIo(image, 'qcow2', 'write -P 66 512k 4k')

    const third = await execute()
    const deployment = await deploy({ user_scripts: { global: {}, instances: {} } })

    assert.equal(third.replica_state.number, 3)
    assert.equal(deployment.last_execution_status, 'COMPLETED')
    assert.equal(deployment.transfer_result?.['web-01']?.name, 'web-01-2')
    await stop(join(to, 'web-01-2'))
  })

  async function volume(): Promise<Volume> {
    return (await moves.volumes())[0]!
  }

  /** By the provider, as a transfer with shutdown does it. */
  async function stop(machine: string): Promise<void> {
    assert.ok(await runningPid(machine), `${machine} does not run`)
    await stopMachine(machine, signal, GRACE_MS)
    assert.equal(await runningPid(machine), undefined)
  }
})
