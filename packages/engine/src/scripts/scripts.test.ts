import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import type { ScriptRun } from '@instar/contract'
import type { OutputStream } from '../engine.ts'
import { openScene, startWorker, step, type Scene } from '../engine.fixture.ts'
import type { StepDefinition } from '../worker/step.ts'
import { createScriptReader } from './reader.ts'
import { createScriptRecorder } from './recorder.ts'

const newRun = (executionId: string): ScriptRun => ({
  version: 1,
  id: randomUUID(),
  run_id: executionId,
  phase: 'osmorphing_post_os_mount',
  source: 'global',
  name: '10-hello',
  order: 1,
  attempt: 1,
  started_at: new Date().toISOString(),
  ended_at: null,
  exit_code: null,
  signal: null,
  timed_out: false,
  interrupted: false,
  stdout_bytes: 0,
  stderr_bytes: 0,
  payload_sha256: 'x',
})

interface Wanted {
  readonly id: string
  readonly stream: OutputStream
  readonly half: number
  readonly from?: number
  readonly to?: number
}

async function wholeOf(scene: Scene, { id, half, ...wanted }: Wanted): Promise<string> {
  const reader = createScriptReader(scene.store, half)
  const request = { scriptRunId: id, from: 0, follow: false, signal: AbortSignal.timeout(20_000), ...wanted }
  return Buffer.concat(await Array.fromAsync(reader.read(request))).toString('latin1')
}

test('output is kept whole up to its limit, beyond it the first and the last part, whatever the pieces', { timeout: 120_000 }, async () => {
  await using scene = await openScene()
  const { id: executionId } = await scene.start([step('GET_INSTANCE_INFO')])
  const { id: taskId } = await scene.store.db.selectFrom('tasks').select('id').executeTakeFirstOrThrow()
  const attempt = { taskId, executionId, attempt: 1, isBarrier: false, job: { id: '', taskId, queue: '', retryCount: 0 } }
  const task = { id: taskId, type: 'GET_INSTANCE_INFO', instance: 'web', projectId: 'p', attempt: 1 }
  const half = 16
  const recorder = createScriptRecorder({ store: scene.store, attempt, task, half })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'binary-ascii', maxLength: 30 }), { maxLength: 8 }),
      fc.nat(60),
      fc.nat(60),
      async (pieces, from, length) => {
        const run = newRun(executionId)
        const log = await recorder.open(run, '')
        for (const piece of pieces) {
          await log.write('stdout', Buffer.from(piece, 'latin1'))
          // Flushed each time, so that the pieces are those of the table.
          await (log as unknown as { close: (run: ScriptRun) => Promise<void> }).close(run)
        }
        await log.close({ ...run, ended_at: new Date().toISOString(), exit_code: 0 })

        const whole = pieces.join('')
        const kept = whole.split('').map((char, at) => (whole.length > 2 * half && at >= half && at < whole.length - half ? '' : char))
        assert.equal(await wholeOf(scene, { id: run.id, stream: 'stdout', half }), kept.join(''))
        assert.equal(
          await wholeOf(scene, { id: run.id, stream: 'stdout', half, from, to: from + length }),
          kept.slice(from, from + length).join(''),
        )
        const extent = await createScriptReader(scene.store, half).describe(run.id, 'stdout')
        assert.equal(extent.sizeBytes, whole.length)
        assert.deepEqual(extent.leftOut, whole.length > 2 * half ? { from: half, to: whole.length - half } : null)
      },
    ),
    { numRuns: 25 },
  )
})

test('a follower sees the output of a running script as it comes, and its end', async () => {
  await using scene = await openScene()
  let run: ScriptRun | undefined
  const morphing: StepDefinition = {
    run: async ({ scripts, execution, signal }) => {
      run = newRun(execution.id)
      const log = await scripts.open(run, '#!/bin/sh')
      for (let at = 0; at < 5; at += 1) {
        await log.write('stdout', Buffer.from(`line ${at}\n`))
        await sleep(300, undefined, { signal })
      }
      await log.write('stderr', Buffer.alloc(600_000, 'e'))
      await log.close({ ...run, ended_at: new Date().toISOString(), exit_code: 3, stdout_bytes: 35, stderr_bytes: 600_000 })
    },
  }
  await using _worker = startWorker(scene.store, { steps: { OS_MORPHING: morphing } })
  const { id } = await scene.start([step('OS_MORPHING')])
  await scene.reach(id, 'OS_MORPHING', 'running')
  while ((await scene.engine.scripts.list(id)).length === 0) await sleep(20)

  const arrived: number[] = []
  let text = ''
  assert.ok(run !== undefined)
  const request = { scriptRunId: run.id, stream: 'stdout', from: 0, follow: true, signal: AbortSignal.timeout(30_000) } as const
  for await (const piece of scene.engine.scripts.read(request)) {
    arrived.push(performance.now())
    text += piece.toString()
  }

  assert.equal(text, 'line 0\nline 1\nline 2\nline 3\nline 4\n')
  assert.ok(arrived.length >= 3, `${arrived.length} pieces`)
  const [record] = await scene.engine.scripts.list(id)
  assert.deepEqual([record?.run.exit_code, record?.run.stderr_bytes, record?.instance], [3, 600_000, 'web'])
  assert.equal((await wholeOf(scene, { id: run.id, stream: 'stderr', half: 32 * 1024 * 1024 })).length, 600_000)
  assert.equal(await scene.engine.scripts.find('another project', run.id), undefined)
})

test('a script whose worker is gone has ended for its readers, and was interrupted', async () => {
  await using scene = await openScene()
  let isFirst = true
  const morphing: StepDefinition = {
    run: async ({ scripts, execution, signal }) => {
      if (!isFirst) return
      isFirst = false
      const log = await scripts.open(newRun(execution.id), '')
      await log.write('stdout', Buffer.from('begun\n'))
      await sleep(600_000, undefined, { signal })
    },
  }
  const first = startWorker(scene.store, { steps: { OS_MORPHING: morphing } })
  const { id } = await scene.start([step('OS_MORPHING')])
  while ((await scene.engine.scripts.list(id)).every(({ run }) => run.stdout_bytes === 0)) await sleep(20)
  const run = (await scene.engine.scripts.list(id))[0]!.run
  assert.equal(run.interrupted, false)

  first.stop()
  await first.ended
  await using _second = startWorker(scene.store, { steps: { OS_MORPHING: morphing } })
  await scene.end(id)

  const [after] = await scene.engine.scripts.list(id)
  assert.deepEqual([after?.run.interrupted, after?.run.stdout_bytes, after?.run.ended_at], [true, 6, null])
  const request = { scriptRunId: run.id, stream: 'stdout', from: 0, follow: true, signal: AbortSignal.timeout(9_000) } as const
  assert.equal(Buffer.concat(await Array.fromAsync(scene.engine.scripts.read(request))).toString(), 'begun\n')
})
