import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { InstarError } from '@instar/contract'
import { openScene, PROJECT, silent, startWorker, step, until } from './engine.fixture.ts'
import { writeEvents } from './events/write-events.ts'
import { loadBoard } from './execution/board.ts'
import type { StepDefinition } from './worker/step.ts'

const signal = AbortSignal.timeout(600_000)
const nothing: StepDefinition = { run: () => Promise.resolve() }
const chain = [
  step('GET_INSTANCE_INFO'),
  step('DEPLOY_TRANSFER_DISKS', [0]),
  step('REPLICATE_DISKS', [1]),
  step('DELETE_TRANSFER_SOURCE_RESOURCES', [1, 2], { rule: 'always' }),
]

/** Ends when it is told to, as a good step does. */
const patient: StepDefinition = {
  run: async ({ signal }) => {
    await sleep(600_000, undefined, { signal })
  },
}

describe('an execution', () => {
  test('runs its plan, and each step knows what the earlier ones have told', async () => {
    await using scene = await openScene()
    const seen: unknown[] = []
    const steps = {
      GET_INSTANCE_INFO: { run: () => Promise.resolve({ export_info: { os: 'linux' }, secret: 'canary-17' }) },
      DEPLOY_TRANSFER_DISKS: { run: () => Promise.resolve({ volumes_info: [], secret: null }) },
      REPLICATE_DISKS: {
        run: ({ info }) => {
          seen.push(info)
          return Promise.resolve()
        },
      },
      DELETE_TRANSFER_SOURCE_RESOURCES: nothing,
    } satisfies Record<string, StepDefinition>
    await using _worker = startWorker(scene.store, { steps })

    const { id, actionId } = await scene.start(chain)
    const { state, tasks } = await scene.end(id)

    assert.equal(state, 'completed')
    assert.deepEqual(new Set(Object.values(tasks)), new Set(['completed']))
    assert.deepEqual(seen, [{ export_info: { os: 'linux' }, volumes_info: [], secret: null }])
    const info = await scene.engine.info.read(scene.store.db, actionId)
    assert.deepEqual(info.get('web'), { export_info: { os: 'linux' }, volumes_info: [], secret: null })
    const action = await scene.store.db
      .selectFrom('actions')
      .select('last_execution_state')
      .where('id', '=', actionId)
      .executeTakeFirstOrThrow()
    assert.equal(action.last_execution_state, 'completed')
  })

  test('that fails cleans up, tells why, and undoes what the failed step had begun', async () => {
    await using scene = await openScene()
    const calls: string[] = []
    const note = (what: string): StepDefinition => ({
      run: () => {
        calls.push(what)
        return Promise.resolve()
      },
    })
    const steps = {
      GET_INSTANCE_INFO: note('info'),
      DEPLOY_TRANSFER_DISKS: note('disks'),
      REPLICATE_DISKS: {
        run: () => Promise.reject(new InstarError('image.no-space', 'needed 3 GiB, free 1 GiB on /copies')),
        undo: () => {
          calls.push('undo copy')
          return Promise.resolve()
        },
      },
      DELETE_TRANSFER_SOURCE_RESOURCES: note('clean'),
    } satisfies Record<string, StepDefinition>
    await using _worker = startWorker(scene.store, { steps })

    const { id } = await scene.start(chain)
    const { state } = await scene.end(id)

    assert.equal(state, 'failed')
    assert.deepEqual(calls, ['info', 'disks', 'undo copy', 'clean'])
    const failed = await scene.store.db.selectFrom('tasks').select('reason').where('type', '=', 'REPLICATE_DISKS').executeTakeFirstOrThrow()
    assert.match(failed.reason ?? '', /needed 3 GiB, free 1 GiB on \/copies \[image\.no-space\]/)
  })

  test('that fails is one warning in the log, with what it was of and the first error; one that is cancelled is none', async () => {
    const lines: { fields: object; message: string }[] = []
    const log = { ...silent, warn: (fields: object, message: string) => void lines.push({ fields, message }) }
    await using scene = await openScene({ log })
    const steps = {
      GET_INSTANCE_INFO: { run: () => Promise.reject(new InstarError('image.no-space', `needed 3 GiB on ${'x'.repeat(1000)}`)) },
      REPLICATE_DISKS: patient,
    } satisfies Record<string, StepDefinition>
    await using _worker = startWorker(scene.store, { steps, log })

    const failing = await scene.start([step('GET_INSTANCE_INFO'), step('DEPLOY_TRANSFER_DISKS', [0])])
    await scene.end(failing.id)
    const stopped = await scene.start([step('REPLICATE_DISKS')])
    await scene.reach(stopped.id, 'REPLICATE_DISKS', 'running')
    await scene.store.transact(trx => scene.engine.cancel(trx, stopped.id, { force: false }), signal)
    await scene.end(stopped.id)

    const told = lines.filter(({ message }) => message === 'an execution failed')
    assert.equal(told.length, 1)
    const { error, ...fields } = told[0]!.fields as { error: string }
    const facts = { execution: failing.id, kind: 'transfer_execution', number: 1, status: 'ERROR', notes: null, transfer: null }
    assert.deepEqual(fields, { ...facts, instance: 'web', task: 'GET_INSTANCE_INFO' })
    assert.match(error, /^needed 3 GiB/)
    assert.equal(error.length, 500)
  })

  test('ends whatever a guest has written into the messages of its failure', async () => {
    await using scene = await openScene()
    const hostile = 'a\0b \uD83D c\\u0000 '
    const steps = {
      GET_INSTANCE_INFO: {
        run: ({ progress, event, emit }) => {
          progress(hostile)
          event('WARNING', hostile.repeat(500))
          emit({ kind: 'warning', message: hostile })
          return Promise.reject(new Error(hostile))
        },
      },
    } satisfies Record<string, StepDefinition>
    await using _worker = startWorker(scene.store, { steps })

    const { id } = await scene.start([step('GET_INSTANCE_INFO')])

    assert.equal((await scene.end(id)).state, 'failed')
    const task = await scene.store.db.selectFrom('tasks').select('reason').where('execution_id', '=', id).executeTakeFirstOrThrow()
    assert.equal(task.reason, 'a\uFFFDb \uFFFD c\\u0000 ')
  })

  test('numbers rise for each action, also past a deleted one; a plan that cannot end is refused', async () => {
    await using scene = await openScene()
    const { id, actionId } = await scene.start(chain)
    await scene.store.db.updateTable('executions').set({ deleted_at: new Date() }).where('id', '=', id).execute()
    const action = { id: actionId, projectId: 'p', userId: 'u' }

    const next = await scene.store.transact(trx => scene.engine.start(trx, { action, kind: 'transfer_update', steps: chain }), signal)

    const row = await scene.store.db.selectFrom('executions').select('number').where('id', '=', next).executeTakeFirstOrThrow()
    assert.equal(row.number, 2)
    const endless = [
      step('GET_INSTANCE_INFO'),
      step('DEPLOY_TRANSFER_DISKS', [0], { rule: 'error' }),
      step('REPLICATE_DISKS', [1], { rule: 'always' }),
    ]
    await assert.rejects(
      scene.store.transact(trx => scene.engine.start(trx, { action, kind: 'x', steps: endless }), signal),
      /would wait for ever/,
    )
  })

  test('a failure that passes is tried again after an undo, one of the user is not', async () => {
    await using scene = await openScene()
    const calls: string[] = []
    const failing = (code: 'provider.unavailable' | 'provider.failed'): StepDefinition => ({
      run: ({ task }) => {
        calls.push(`run ${task.attempt}`)
        return task.attempt < 2 ? Promise.reject(new InstarError(code, 'no')) : Promise.resolve()
      },
      undo: ({ task }) => {
        calls.push(`undo ${task.attempt}`)
        return Promise.resolve()
      },
    })
    await using _worker = startWorker(scene.store, {
      steps: { GET_INSTANCE_INFO: failing('provider.unavailable'), REPLICATE_DISKS: failing('provider.failed') },
    })

    const passing = await scene.start([step('GET_INSTANCE_INFO')])
    assert.equal((await scene.end(passing.id)).state, 'completed')
    assert.deepEqual(calls.splice(0), ['run 1', 'undo 1', 'run 2'])
    const lasting = await scene.start([step('REPLICATE_DISKS')])
    assert.equal((await scene.end(lasting.id)).state, 'failed')
    assert.deepEqual(calls, ['run 1', 'undo 1'])
  })

  test('of several instances waits at its barriers', async () => {
    await using scene = await openScene()
    const done: string[] = []
    const noting: StepDefinition = {
      run: async ({ task, signal }) => {
        if (task.instance === 'b' && task.type === 'GET_INSTANCE_INFO') await sleep(300, undefined, { signal })
        done.push(`${task.instance} ${task.type}`)
      },
    }
    await using _worker = startWorker(scene.store, { steps: { GET_INSTANCE_INFO: noting, DEPLOY_TRANSFER_DISKS: noting } })
    const plan = ['a', 'b'].flatMap((instance, at) => [
      step('GET_INSTANCE_INFO', [], { instance, barrier: true }),
      step('DEPLOY_TRANSFER_DISKS', [2 * at], { instance }),
    ])

    const { id } = await scene.start(plan, ['a', 'b'])
    assert.equal((await scene.end(id)).state, 'completed')

    assert.deepEqual(done.slice(0, 2), ['a GET_INSTANCE_INFO', 'b GET_INSTANCE_INFO'])
    assert.deepEqual(done.slice(2).sort(), ['a DEPLOY_TRANSFER_DISKS', 'b DEPLOY_TRANSFER_DISKS'])
  })

  test('waits at a barrier also for an instance whose task there cannot begin yet', async () => {
    await using scene = await openScene()
    const slow: StepDefinition = {
      run: async ({ task, signal }) => void (task.instance === 'b' && (await sleep(300, undefined, { signal }))),
    }
    await using _worker = startWorker(scene.store, { steps: { GET_INSTANCE_INFO: slow, SHUTDOWN_INSTANCE: nothing } })
    const plan = ['a', 'b'].flatMap((instance, at) => [
      step('GET_INSTANCE_INFO', [], { instance }),
      step('SHUTDOWN_INSTANCE', [2 * at], { instance, barrier: true }),
    ])

    const { id } = await scene.start(plan, ['a', 'b'])
    await scene.reach(id, 'SHUTDOWN_INSTANCE', 'syncing')

    assert.equal((await scene.end(id)).state, 'completed')
    const attempts = await scene.store.db.selectFrom('tasks').select('attempt').where('execution_id', '=', id).execute()
    assert.deepEqual(
      attempts.map(({ attempt }) => attempt),
      [1, 1, 1, 1],
    )
  })

  test('writes what its steps tell while another transaction has it locked', async () => {
    await using scene = await openScene()
    await using _worker = startWorker(scene.store, { steps: { GET_INSTANCE_INFO: patient } })
    const { id } = await scene.start([step('GET_INSTANCE_INFO')])
    await scene.reach(id, 'GET_INSTANCE_INFO', 'running')

    await scene.store.db.transaction().execute(async trx => {
      assert.ok(await loadBoard(trx, id))
      const { id: taskId } = await trx.selectFrom('tasks').select('id').where('execution_id', '=', id).executeTakeFirstOrThrow()
      await scene.store.db.transaction().execute(async other => {
        await sql`set local lock_timeout = '2s'`.execute(other)
        await writeEvents(other, { projectId: PROJECT, executionId: id }, [{ kind: 'step', state: 'started' }])
        await other
          .insertInto('task_events')
          .values({ id: crypto.randomUUID(), task_id: taskId, idx: 0, level: 'INFO', message: 'on' })
          .execute()
      })
    })
  })
})

describe('a cancel', () => {
  test('reaches a running step within a second, which undoes; clean-up runs', async () => {
    await using scene = await openScene()
    const calls: string[] = []
    const copying: StepDefinition = {
      ...patient,
      undo: () => {
        calls.push('undo')
        return Promise.resolve()
      },
    }
    const steps = {
      GET_INSTANCE_INFO: nothing,
      DEPLOY_TRANSFER_DISKS: nothing,
      REPLICATE_DISKS: copying,
      DELETE_TRANSFER_SOURCE_RESOURCES: nothing,
    }
    await using _worker = startWorker(scene.store, { steps })
    const { id } = await scene.start(chain)
    await scene.reach(id, 'REPLICATE_DISKS', 'running')

    const began = performance.now()
    await scene.store.transact(trx => scene.engine.cancel(trx, id, { force: false }), signal)
    const { state, tasks } = await scene.end(id)

    assert.ok(performance.now() - began < 1_000, `${performance.now() - began} ms`)
    assert.deepEqual(calls, ['undo'])
    assert.equal(state, 'cancelled')
    assert.deepEqual(tasks, {
      GET_INSTANCE_INFO: 'completed',
      DEPLOY_TRANSFER_DISKS: 'completed',
      REPLICATE_DISKS: 'cancelled',
      DELETE_TRANSFER_SOURCE_RESOURCES: 'completed',
    })
    await assert.rejects(
      scene.store.transact(trx => scene.engine.cancel(trx, id, { force: true }), signal),
      { code: 'engine.not-active' },
    )
  })

  test('a second one is refused; by force it ends the execution at once and kills what the step started', async () => {
    await using scene = await openScene()
    let pid = 0
    const stubborn: StepDefinition = {
      run: async ({ processes }) => {
        const child = processes.spawn(['sh', '-c', 'sleep 600 & exec sleep 600'], { stdio: 'ignore' })
        pid = child.pid ?? 0
        await new Promise(resolve => child.once('exit', resolve))
        throw new Error('killed')
      },
      undo: () => Promise.reject(new Error('undo has no place after a cancel by force')),
    }
    await using _worker = startWorker(scene.store, { steps: { GET_INSTANCE_INFO: stubborn } })
    const { id } = await scene.start([step('GET_INSTANCE_INFO')])
    await until(() => (pid > 0 ? true : undefined), 'the process')
    await scene.store.transact(trx => scene.engine.cancel(trx, id, { force: false }), signal)

    await assert.rejects(
      scene.store.transact(trx => scene.engine.cancel(trx, id, { force: false }), signal),
      { code: 'engine.already-cancelling' },
    )
    await scene.store.transact(trx => scene.engine.cancel(trx, id, { force: true }), signal)

    assert.deepEqual(await scene.end(id), { state: 'cancelled', tasks: { GET_INSTANCE_INFO: 'forced' } })
    await until(() => (isGroupAlive(pid) ? undefined : true), 'the end of the process group', 5_000)
  })

  test('before its minions are ready leaves everything out', async () => {
    await using scene = await openScene()
    const { actionId } = await scene.start(chain)
    const action = { id: actionId, projectId: 'p', userId: 'u' }
    const request = { action, kind: 'transfer_execution', steps: chain, awaitingMinions: true }
    const first = await scene.store.transact(trx => scene.engine.start(trx, request), signal)
    const second = await scene.store.transact(trx => scene.engine.start(trx, request), signal)

    await scene.store.transact(trx => scene.engine.cancel(trx, first, { force: false }), signal)
    const begun = await scene.store.transact(trx => scene.engine.settleMinions(trx, first, 'allocated'), signal)
    await scene.store.transact(trx => scene.engine.settleMinions(trx, second, { failed: 'the pool is empty' }), signal)

    assert.equal(begun, false)
    assert.equal((await scene.end(first)).state, 'cancelled')
    assert.equal((await scene.end(second)).state, 'minions_failed')
  })
})

function isGroupAlive(pid: number): boolean {
  try {
    process.kill(-pid, 0)
    return true
  } catch {
    return false
  }
}
