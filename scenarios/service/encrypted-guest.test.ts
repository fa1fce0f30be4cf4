import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { LUKS_PASSPHRASE, UUIDS, buildGuest, heavy, requires } from '@instar/fixtures'
import { hashFile } from '@instar/machine'
import { runningPid, stopMachine } from '../../packages/worker/src/providers/disk-images/power.ts'
import { qemuImg, qemuIo } from '../../packages/worker/src/replication/replication.fixture.ts'
import { startService, type Service } from '../api/service.ts'
import { Canary } from './canary.ts'
import { GuestMoves, errorOf } from './guest-moves.ts'

// A guest with an encrypted root: its key opens it for the morph and is found nowhere; its disks become a machine's own.

const skip = requires(['root', 'qemu', 'mmdebstrap', 'cryptsetup', 'e2fsprogs'], process.env)
const signal = AbortSignal.timeout(900_000)
const cacheDir = process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar'
const canary = new Canary(`disk key ${randomUUID()}: a/b?`)
/** Of the test servers: what a transaction writes is in their logs within a moment. */
const databases = join(tmpdir(), `instar-test-postgres-${process.getuid?.() ?? 0}`)
const LUKS_AT_MIB = 130
const HEADER_MIB = 16
/** The small guest does not listen to its power button. */
const GRACE_MS = 2000

const scripts = (mend: string) => ({
  global: {
    linux: [
      { name: '10-root', payload: '#!/bin/sh\nfindmnt -no SOURCE "$1"\necho once >>"$1/root/notes"\n' },
      { name: '20-mend', payload: `#!/bin/sh\n${mend}\n` },
      { name: '30-hello', payload: '#!/bin/sh\ncat /root/notes; findmnt -no SOURCE /\n', phase: 'replica_first_boot' },
    ],
  },
})

describe('a real guest with an encrypted root over the service', { skip, concurrency: false }, () => {
  let service: Service
  let turn: AsyncDisposable
  let moves: GuestMoves
  let failed = ''
  const begun = new Date()
  const folder = skip === false ? mkdtempSync(join(tmpdir(), 'instar-encrypted-')) : ''
  const [from, to] = [join(folder, 'from'), join(folder, 'to')]
  const image = join(from, 'web-01', 'system.qcow2')

  before(async () => {
    const guest = await buildGuest({ variant: 'luks', cacheDir, signal })
    turn = await heavy(signal)
    mkdirSync(join(from, 'web-01'), { recursive: true })
    mkdirSync(to)
    copyFileSync(guest.file, image)
    addKey(image, folder)
    writeFileSync(join(from, 'web-01', 'machine.yaml'), 'memory_mb: 512\nbitmaps: true\ndisks: [{ file: system.qcow2 }]\n')
    canary.watchProcesses()
    service = await startService({ platforms: ['disk-images'], limitMs: 600_000 })
    moves = new GuestMoves(service, 'web-01')
    await moves.addTransfer(
      { from, to },
      {
        destination_environment: { disk_encryption_keys: [{ selector: UUIDS.luks, password: 'not the key' }] },
        user_scripts: scripts('echo "cannot mend" >&2; exit 7'),
      },
    )
  })
  after(async () => {
    if (skip !== false) return
    canary.processes()
    if (existsSync(to)) for (const name of machinesIn(to)) await stopMachine(join(to, name), signal, GRACE_MS)
    await service?.[Symbol.asyncDispose]()
    await turn?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  test('a wrong key fails the deployment with a hint, and the replica stays as it was', async t => {
    await moves.execute()
    t.diagnostic('copied')
    const replica = join((await moves.volumes())[0]!.replica_folder, '0001.qcow2')
    const before = await hashFile(replica, signal)

    const deployment = await moves.deploy({})

    assert.equal(deployment.last_execution_status, 'ERROR')
    assert.match(
      errorOf(deployment),
      /none of 1 keys opens the LUKS container .*\[storage\.wrong-key\].*disk_encryption_keys: \[\{selector: /,
    )
    assert.doesNotMatch(errorOf(deployment), /--key/)
    assert.equal(await hashFile(replica, signal), before)
    assert.deepEqual(machinesIn(to), [])
  })

  test('with the right key only the deployment is run again', async () => {
    await moves.update({ disk_encryption_keys: [{ selector: UUIDS.luks, password: canary.secret }] })

    const deployment = await moves.deploy({})
    failed = deployment.id

    assert.equal(deployment.last_execution_status, 'ERROR')
    assert.match(errorOf(deployment), /20-mend/)
    const runs = await moves.scriptRuns(failed)
    assert.deepEqual(
      runs.map(({ name, exit_code }) => [name, exit_code]),
      [
        ['10-root', 0],
        ['20-mend', 7],
      ],
    )
    assert.match(await moves.outputOf(runs[0]), /^\/dev\/mapper\//)
  })

  test('the work of a failed morph is opened again with the key, and goes on at the script that failed', async () => {
    const deployment = await moves.deploy({ user_scripts: scripts('echo mended'), resume_from: failed })

    assert.equal(deployment.last_execution_status, 'COMPLETED', errorOf(deployment))
    assert.deepEqual(
      (await moves.scriptRuns(deployment.id)).map(({ name, exit_code }) => [name, exit_code]),
      [['20-mend', 0]],
    )
    assert.deepEqual(machinesIn(to), ['web-01'])
  })

  test("on a pool's appliance the key opens it too, and the appliance is there for the next guest", async () => {
    const pool = await moves.addPool()

    const deployment = await moves.deploy({
      user_scripts: scripts('echo mended'),
      instance_osmorphing_minion_pool_mappings: { 'web-01': pool },
    })

    assert.equal(deployment.last_execution_status, 'COMPLETED', errorOf(deployment))
    assert.equal(deployment.tasks.find(({ task_type }) => task_type === 'ATTACH_VOLUMES_TO_OSMORPHING_MINION')?.status, 'COMPLETED')
    assert.deepEqual(
      (await moves.scriptRuns(deployment.id)).map(({ name, exit_code }) => [name, exit_code]),
      [
        ['10-root', 0],
        ['20-mend', 0],
      ],
    )
    await moves.minionIn(pool, 'AVAILABLE')
    assert.deepEqual(machinesIn(to), ['web-01', 'web-01-2'])
  })

  test('without clones, and with a passphrase for all disks, the machine asks for it at its console and runs', async () => {
    await moves.update({ disk_encryption_keys: [], encrypted_disks_passphrase: canary.secret, start: true, first_boot_timeout_s: 400 })
    const [replica] = await moves.volumes()

    const id = await moves.startDeployment({ user_scripts: scripts('echo mended'), clone_disks: false })
    const [deployment] = await Promise.all([moves.deploymentEnd(id), answerAtConsole(join(to, 'web-01-3'))])

    assert.equal(deployment.last_execution_status, 'COMPLETED', errorOf(deployment))
    assert.equal(deployment.transfer_result?.['web-01']?.name, 'web-01-3')
    const runs = await moves.scriptRuns(id)
    assert.deepEqual(
      runs.map(({ name, exit_code }) => [name, exit_code]),
      [
        ['10-root', 0],
        ['20-mend', 0],
        ['30-hello', 0],
      ],
    )
    assert.equal(await moves.outputOf(runs[2]), 'once\n/dev/mapper/root\n')
    assert.ok(!existsSync(replica!.replica_folder))
    assert.ok(await runningPid(join(to, 'web-01-3')))
  })

  test('after that the transfer has no disks: no deployment before the next execution, and that copies in full', async () => {
    assert.deepEqual(await moves.volumes(), [])
    const refused = await service.ask('POST', '/deployments', { body: { deployment: { transfer_id: moves.transfer } } })
    assert.equal(refused.statusCode, 400)
    assert.match(refused.body, /web-01 .*no volumes information: execute the transfer first.*clone_disks: false/)

    await moves.execute()

    const [volume] = await moves.volumes()
    assert.equal(volume!.replica_state.number, 1)
    assert.ok(volume!.replica_state.written_bytes > 100 * 1024 * 1024, `${volume!.replica_state.written_bytes} bytes written`)
    const copy = join(volume!.replica_folder, '0001.qcow2')
    assert.match(qemuImg('compare', '-f', 'qcow2', '-F', 'qcow2', image, copy), /identical/)
    assert.ok(await runningPid(join(to, 'web-01-3')), 'the machine runs on')
    assert.equal(bitmapsOf(image).length, 1)
  })

  test('the passphrase is found nowhere', async () => {
    const planted = ['plain', 'base64', 'hex'].map(name => join(folder, `planted-${name}`))
    const texts = [canary.secret, Buffer.from(`x${canary.secret}`).toString('base64'), Buffer.from(canary.secret).toString('hex')]
    for (const [at, file] of planted.entries()) writeFileSync(file, `{"key": "${texts[at]}"}`)
    assert.deepEqual(canary.filesIn(folder).sort(), planted.toSorted(), 'it would be found')
    for (const file of planted) rmSync(file)
    const answers = [
      await service.ask('GET', `/transfers/${moves.transfer}?include_task_info=true`),
      await service.ask('GET', '/transfers/detail?include_task_info=true'),
      await service.ask('GET', `/transfers/${moves.transfer}/executions/detail`),
      await service.ask('GET', '/deployments/detail?include_task_info=true'),
      await service.ask('GET', '/endpoints'),
      await service.ask('GET', '/diagnostics'),
      await moves.beside('/events?follow=false'),
      await moves.beside(`/deployments/${failed}/script-runs`),
      await moves.beside(`/deployments/${failed}/plan`),
    ]

    for (const { statusCode, body } of answers) {
      assert.equal(statusCode, 200, body)
      assert.ok(!canary.isIn(body), body)
    }
    assert.match(answers.map(({ body }) => body).join(), /encrypted_disks_passphrase":"\*\*\*"/)
    assert.ok(!service.server.logged.some(line => canary.isIn(line)))
    assert.deepEqual(canary.processes(), [])
    assert.deepEqual(canary.filesIn(databases, folder, service.folder), [])
    assert.deepEqual(canary.filesIn(...filesSince(begun, cacheDir)), [])
  })
})

function machinesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter(name => !name.startsWith('.'))
    .sort()
}

/** Gives the canary to the guest's container as one more passphrase. */
function addKey(image: string, folder: string): void {
  const [header, oldKey, newKey] = ['header', 'old-key', 'new-key'].map(name => join(folder, name)) as [string, string, string]
  writeFileSync(oldKey, LUKS_PASSPHRASE, { mode: 0o600 })
  writeFileSync(newKey, canary.secret, { mode: 0o600 })
  const blocks = ['bs=1M', `skip=${LUKS_AT_MIB}`, `count=${HEADER_MIB + LUKS_AT_MIB}`]
  qemuImg('dd', '-f', 'qcow2', '-O', 'raw', `if=${image}`, `of=${header}`, ...blocks)
  truncateSync(header, (HEADER_MIB + 1) * 1024 * 1024)
  // As cheap as the one that is there: an emulated CPU has to repeat it at every boot.
  const cost = ['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000']
  execFileSync('cryptsetup', ['luksAddKey', '-q', ...cost, '--key-file', oldKey, header, newKey])
  qemuIo(image, 'qcow2', `write -s ${header} ${LUKS_AT_MIB}M ${HEADER_MIB}M`)
  for (const file of [header, oldKey, newKey]) rmSync(file)
}

/** Types the passphrase when the machine asks for it, as somebody at its console does. */
async function answerAtConsole(machine: string): Promise<void> {
  const shown = () => (existsSync(join(machine, 'run/console.log')) ? readFileSync(join(machine, 'run/console.log'), 'latin1') : '')
  while (!shown().includes('unlock disk')) await sleep(100, undefined, { signal })
  const console = connect(join(machine, 'run/console.sock'))
  console.write(`${canary.secret}\n`)
  while (!shown().includes('GUEST-IS-UP')) await sleep(100, undefined, { signal })
  console.destroy()
}

/** Files below a folder that were changed since then. */
function filesSince(begun: Date, folder: string): string[] {
  return execFileSync('find', [folder, '-type', 'f', '-newermt', begun.toISOString()], { encoding: 'utf8' }).split('\n').filter(Boolean)
}

function bitmapsOf(image: string): unknown[] {
  interface Info {
    readonly 'format-specific': { readonly data: { readonly bitmaps?: unknown[] } }
  }
  return (JSON.parse(qemuImg('info', '--output=json', image)) as Info)['format-specific'].data.bitmaps ?? []
}
