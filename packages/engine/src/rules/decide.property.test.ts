import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { simulate, type Simulated, type World } from './simulate.fixture.ts'
import type { RuleTask } from './task-classes.ts'

type Planned = Omit<RuleTask, 'state'>

/** A plan of one to three instances; what a task needs stands before it, and only clean-up for failures needs such. */
const plans: fc.Arbitrary<Planned[]> = fc
  .array(
    fc.record({
      instance: fc.nat(2),
      rule: fc.constantFrom('success', 'success', 'success', 'always', 'error'),
      needs: fc.array(fc.nat(11), { maxLength: 3 }),
      isBarrier: fc.boolean(),
    }),
    { minLength: 1, maxLength: 14 },
  )
  .map(rows => {
    const tasks: (Planned & { instance: number })[] = []
    for (const [idx, { instance, rule, needs, isBarrier }] of rows.entries()) {
      const parents = needs.flatMap(need => tasks[need] ?? []).filter(parent => rule === 'error' || parent.rule !== 'error')
      const dependsOn = [...new Set(parents.map(({ id }) => id))]
      // Clean-up stands behind something; at the barrier stand first tasks only, since a barrier behind another's later work could never open.
      const isFirst = dependsOn.length === 0
      tasks.push({
        id: String(idx),
        idx,
        instance,
        rule: isFirst ? 'success' : rule,
        dependsOn,
        isBarrier: isFirst && isBarrier,
        type: isFirst && isBarrier ? 'BARRIER' : `T${idx}`,
      })
    }
    return tasks
  })

/** Random numbers steer what happens next: which task starts or ends, how, and whether the user cancels. */
function randomWorld(numbers: readonly number[], log: string[]): World {
  let at = 0
  const next = (below: number) => numbers[at++ % numbers.length]! % below
  return tasks => {
    const choices = tasks.flatMap(({ id, state }): NonNullable<ReturnType<World>>[] => {
      if (state === 'pending')
        return [{ kind: 'start', taskId: id }, ...(next(12) === 0 ? [{ kind: 'unplaced', taskId: id, reason: 'none' } as const] : [])]
      if (state === 'running') return [next(6) === 0 ? { kind: 'failed', taskId: id, reason: 'boom' } : { kind: 'succeeded', taskId: id }]
      if (state === 'cancelling')
        return [
          [
            { kind: 'succeeded', taskId: id } as const,
            { kind: 'stopped', taskId: id } as const,
            { kind: 'failed', taskId: id, reason: 'boom' } as const,
          ][next(3)]!,
        ]
      return []
    })
    if (choices.length === 0) return undefined
    const cancel = next(25)
    const event = cancel < 2 ? ({ kind: 'cancel', force: cancel === 0 } as const) : choices[next(choices.length)]!
    // A clean-up is never told to stop, so it never stops.
    const target = 'taskId' in event ? tasks.find(({ id }) => id === event.taskId) : undefined
    const sane = event.kind === 'stopped' && target?.rule !== 'success' ? ({ kind: 'succeeded', taskId: event.taskId } as const) : event
    log.push(JSON.stringify(sane))
    return sane
  }
}

const FINAL_OF_ONE_NOT_STARTED = new Set(['skipped', 'unplaced', 'forced', 'dormant'])

/** What coriolis-api.md 5.1 and 5.2 allow at the end, written from there and not from the code. */
function assertAllowed({ tasks, state, started }: Simulated, log: readonly string[]): void {
  const byId = new Map(tasks.map(each => [each.id, each]))
  const wasForced = log.some(line => line.includes('"force":true'))
  const wasDisturbed = log.some(line => /"(cancel|failed|unplaced)"/.test(line))
  const counts = (...wanted: string[]) => tasks.filter(each => wanted.includes(each.state)).length
  for (const each of tasks) {
    const parents = each.dependsOn.map(id => byId.get(id)!)
    const wasStarted = started.includes(each.id)
    assert.ok(!['waiting', 'pending', 'running', 'syncing', 'cancelling'].includes(each.state), `task ${each.id} ended as ${each.state}`)
    assert.equal(
      wasStarted,
      !FINAL_OF_ONE_NOT_STARTED.has(each.state) || (each.isBarrier && wasStarted) || (each.state === 'forced' && wasStarted),
      `task ${each.id}: ${each.state}`,
    )
    if (each.state === 'dormant') assert.ok(!wasDisturbed, 'clean-up for failures slept through one')
    if (!wasStarted && !wasForced && each.state !== 'unplaced' && each.rule !== 'success' && each.state !== 'dormant')
      assert.ok(!owesCleanUp(parents), `clean-up ${each.id} was left out, although its parents completed`)
    if (wasStarted && each.rule === 'success')
      assert.ok(
        parents.every(parent => parent.state === 'completed'),
        `task ${each.id} ran without what it needs`,
      )
    if (wasStarted && each.rule !== 'success') assert.ok(owesCleanUp(parents), `clean-up ${each.id} ran with nothing to clean`)
    if (wasStarted)
      assert.ok(parents.every(parent => !started.includes(parent.id) || started.indexOf(parent.id) < started.indexOf(each.id)))
  }
  if (!wasDisturbed) assert.equal(state, 'completed')
  else if (counts('failed', 'unplaced') > 0) assert.equal(state, 'failed')
  else assert.ok(state === 'cancelled' || (state === 'completed' && counts('completed') === tasks.length), state)
  assert.equal(new Set(started).size, started.length, 'a task was started twice')
}

function owesCleanUp(parents: readonly RuleTask[]): boolean {
  const ordinary = parents.filter(({ rule }) => rule === 'success')
  return (ordinary.length > 0 ? ordinary : parents).some(({ state }) => state === 'completed' || state === 'completed_late')
}

test('whatever fails and whoever cancels, every execution ends in a state that the rules allow', () => {
  fc.assert(
    fc.property(plans, fc.array(fc.nat(1_000_000), { minLength: 40, maxLength: 40 }), (plan, numbers) => {
      const log: string[] = []
      const result = simulate(plan, randomWorld(numbers, log))
      assertAllowed(result, log)
    }),
    { numRuns: 2_000 },
  )
})
