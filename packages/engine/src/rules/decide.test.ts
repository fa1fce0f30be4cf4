import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TaskRule } from '@instar/store'
import { taskStatus } from '../wire.ts'
import { dutifulWorld, simulate, type Simulated, type World } from './simulate.fixture.ts'
import type { RuleTask } from './task-classes.ts'

type Planned = Omit<RuleTask, 'state'>

function task(
  id: string,
  needs: readonly string[] = [],
  more: { rule?: TaskRule; barrier?: boolean; type?: string } = {},
): Omit<Planned, 'idx'> {
  return { id, type: more.type ?? id, rule: more.rule ?? 'success', dependsOn: needs, isBarrier: more.barrier ?? false }
}
const plan = (...tasks: Omit<Planned, 'idx'>[]): Planned[] => tasks.map((each, idx) => ({ ...each, idx }))

/** The middle of a transfer execution (coriolis-api.md 4.3), where the recorded cancels and failures happened. */
const transfer = plan(
  task('disks'),
  task('source', ['disks']),
  task('target', ['disks']),
  task('replicate', ['source', 'target']),
  task('delete source', ['source', 'replicate'], { rule: 'always' }),
  task('delete target', ['target', 'replicate'], { rule: 'always' }),
)

const statuses = ({ tasks }: Simulated) => Object.fromEntries(tasks.map(each => [each.id, taskStatus(each)]))

/** Everything goes well until both resource tasks run; then what `event` says happens once. */
function interrupted(event: ReturnType<World>): World {
  const dutiful = dutifulWorld()
  let hasHappened = false
  return tasks => {
    const now = (id: string) => tasks.find(each => each.id === id)!.state
    if (now('source') === 'pending') return { kind: 'start', taskId: 'source' }
    if (now('target') === 'pending') return { kind: 'start', taskId: 'target' }
    if (now('target') === 'running' && now('source') === 'running' && !hasHappened) {
      hasHappened = true
      return event
    }
    return dutiful(tasks)
  }
}

describe('as recorded from the original', () => {
  test('a cancel that comes too late: the results are used and cleaned up', () => {
    const result = simulate(transfer, interrupted({ kind: 'cancel', force: false }))

    assert.deepEqual(statuses(result), {
      disks: 'COMPLETED',
      source: 'CANCELED_AFTER_COMPLETION',
      target: 'CANCELED_AFTER_COMPLETION',
      replicate: 'UNSCHEDULED',
      'delete source': 'COMPLETED',
      'delete target': 'COMPLETED',
    })
    assert.equal(result.state, 'cancelled')
  })

  test('a failure stops its siblings, and only what was made is cleaned up', () => {
    const result = simulate(transfer, interrupted({ kind: 'failed', taskId: 'target', reason: 'boom' }))

    assert.deepEqual(statuses(result), {
      disks: 'COMPLETED',
      source: 'CANCELED_AFTER_COMPLETION',
      target: 'ERROR',
      replicate: 'UNSCHEDULED',
      'delete source': 'COMPLETED',
      'delete target': 'UNSCHEDULED',
    })
    assert.equal(result.state, 'failed')
  })

  test('a cancel by force leaves behind what was at work', () => {
    const dutiful = dutifulWorld()
    let hasHappened = false
    const result = simulate(transfer, tasks => {
      if (tasks.find(({ id }) => id === 'target')!.state !== 'running' || hasHappened) return dutiful(tasks)
      hasHappened = true
      return { kind: 'cancel', force: true }
    })

    assert.deepEqual(statuses(result), {
      disks: 'COMPLETED',
      source: 'COMPLETED',
      target: 'FORCE_CANCELED',
      replicate: 'UNSCHEDULED',
      'delete source': 'COMPLETED',
      'delete target': 'UNSCHEDULED',
    })
    assert.equal(result.state, 'cancelled')
  })
})

describe('a failure', () => {
  test('of clean-up fails the execution, and the other clean-up runs all the same', () => {
    const result = simulate(transfer, dutifulWorld(new Set(['delete source'])))

    assert.equal(result.state, 'failed')
    assert.equal(statuses(result)['delete target'], 'COMPLETED')
  })

  test('wakes the clean-up that is for failures only; without one it stays hidden', () => {
    const deployment = plan(task('resources'), task('machine', ['resources']), task('clean', ['resources', 'machine'], { rule: 'error' }))

    const failed = simulate(deployment, dutifulWorld(new Set(['machine'])))
    const well = simulate(deployment, dutifulWorld())

    assert.deepEqual(statuses(failed), { resources: 'COMPLETED', machine: 'ERROR', clean: 'COMPLETED' })
    assert.deepEqual(statuses(well), { resources: 'COMPLETED', machine: 'COMPLETED', clean: 'EXECUTE_ON_ERROR_ONLY' })
    assert.equal(well.state, 'completed')
  })

  test('of one instance stops the others', () => {
    const two = plan(task('a'), task('a2', ['a']), task('b'), task('b2', ['b']))

    const result = simulate(two, dutifulWorld(new Set(['a'])))

    assert.deepEqual(statuses(result), { a: 'ERROR', a2: 'UNSCHEDULED', b: 'UNSCHEDULED', b2: 'UNSCHEDULED' })
  })

  test('that an operator wants to look at is not cleaned up', () => {
    const keep: World = tasks =>
      tasks.find(({ id, state }) => id === 'replicate' && state === 'running')
        ? { kind: 'failed', taskId: 'replicate', reason: 'boom', keep: true }
        : dutifulWorld()(tasks)

    const result = simulate(transfer, keep)

    assert.equal(result.state, 'kept_for_debugging')
    assert.equal(statuses(result)['delete target'], 'CANCELED_FOR_DEBUGGING')
  })

  test('to find a worker cancels the rest', () => {
    let isFirst = true
    const result = simulate(transfer, tasks => {
      if (!isFirst) return dutifulWorld()(tasks)
      isFirst = false
      return { kind: 'unplaced', taskId: 'disks', reason: 'no worker' }
    })

    assert.equal(statuses(result)['disks'], 'FAILED_TO_SCHEDULE')
    assert.equal(result.state, 'failed')
    assert.deepEqual(result.started, [])
  })
})

describe('a barrier', () => {
  const barrier = { barrier: true, type: 'INFO' }
  const two = plan(task('a', [], barrier), task('a2', ['a']), task('b', [], barrier), task('b2', ['b']))

  test('holds each instance until all have come', () => {
    const seen: string[] = []
    const dutiful = dutifulWorld()
    const result = simulate(two, tasks => {
      seen.push(tasks.map(each => taskStatus(each)).join(' '))
      return dutiful(tasks)
    })

    assert.ok(seen.includes('SYNCING SCHEDULED PENDING SCHEDULED'), seen.join('\n'))
    assert.equal(result.state, 'completed')
    assert.deepEqual(result.started.slice(0, 2).sort(), ['a', 'b'])
  })

  test('that one does not reach fails for those who wait at it', () => {
    const result = simulate(two, dutifulWorld(new Set(['b'])))

    assert.deepEqual(statuses(result), { a: 'ERROR', a2: 'UNSCHEDULED', b: 'ERROR', b2: 'UNSCHEDULED' })
  })

  test('lets nobody wait after a cancel', () => {
    const result = simulate(two, tasks => (tasks[0]!.state === 'syncing' ? { kind: 'cancel', force: false } : dutifulWorld()(tasks)))

    assert.deepEqual(statuses(result), { a: 'UNSCHEDULED', a2: 'UNSCHEDULED', b: 'UNSCHEDULED', b2: 'UNSCHEDULED' })
    assert.equal(result.state, 'cancelled')
  })
})

test('clean-up that waits for its worker is not dropped by a cancel', () => {
  let hasHappened = false
  const result = simulate(transfer, tasks => {
    const isWaiting = tasks.some(({ id, state }) => id === 'delete source' && state === 'pending')
    if (!isWaiting || hasHappened) return dutifulWorld()(tasks)
    hasHappened = true
    return { kind: 'cancel', force: false }
  })

  assert.ok(hasHappened)
  assert.equal(statuses(result)['delete source'], 'COMPLETED')
})

test('clean-up that the cancel catches at work runs on, and its failure counts', () => {
  let hasHappened = false
  const catchIt = (outcome: 'succeeded' | 'failed') => {
    hasHappened = false
    return simulate(transfer, tasks => {
      const cleaning = tasks.find(({ id }) => id === 'delete source')!
      if (cleaning.state === 'running' && !hasHappened) {
        hasHappened = true
        return { kind: 'cancel', force: false }
      }
      if (cleaning.state === 'cancelling')
        return outcome === 'failed' ? { kind: 'failed', taskId: cleaning.id, reason: 'boom' } : { kind: 'succeeded', taskId: cleaning.id }
      return dutifulWorld()(tasks)
    })
  }

  assert.equal(statuses(catchIt('succeeded'))['delete source'], 'CANCELED_AFTER_COMPLETION')
  const failed = catchIt('failed')
  assert.equal(statuses(failed)['delete source'], 'ERROR')
  assert.equal(failed.state, 'failed')
})
