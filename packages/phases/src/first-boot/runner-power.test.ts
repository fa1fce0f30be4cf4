import assert from 'node:assert/strict'
import { rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { lacks, phonyRoot, SHELLS } from './phony-root.ts'
import type { PhonyRoot } from './phony-root.ts'
import { UNIT_LINK } from './units.ts'

const NOTE_START = 'echo "$INSTAR_SCRIPT" >>"$INSTAR_FIRSTBOOT_TEST_ROOT/starts"'
const HANG = `${NOTE_START}; echo before; sleep 100`

const startsOf = (root: PhonyRoot): string[] => (root.exists('starts') ? root.read('starts').trim().split('\n') : [])
const pick = (result: Record<string, unknown> | undefined, ...keys: string[]): unknown[] => keys.map(key => result?.[key])
/** Cuts the power as soon as the script that hangs has started for the nth time. */
const cutAtStart = (root: PhonyRoot, nth = 1): Promise<void> => root.bootUntil(() => startsOf(root).length >= nth)

suite('power', { concurrency: 4 }, () => {
  for (const shell of SHELLS) {
    test(
      `${shell}: a script that the power ended is not repeated, and the next one runs`,
      { skip: lacks(shell, process.env.INSTAR_REQUIRE) },
      async () => {
        using root = phonyRoot({ shell, scripts: [{ payload: HANG }, { payload: NOTE_START }] })

        const output = root.inRun('scripts/001/attempt-1/stdout')
        await root.bootUntil(() => root.exists(output) && root.read(output) === 'before\n')
        await root.boot()

        const [cut, next, end] = root.results()
        assert.deepEqual(pick(cut, 'interrupted', 'attempt', 'ended_at', 'exit_code', 'stdout_bytes'), [true, 1, null, null, 7])
        assert.equal(next?.exit_code, 0)
        assert.deepEqual(pick(end, 'state', 'succeeded', 'failed', 'boots'), ['complete', 1, 1, 2])
        assert.deepEqual(startsOf(root), ['script-1', 'script-2'])
      },
    )

    test(`${shell}: it is repeated while it has attempts left`, { skip: lacks(shell, process.env.INSTAR_REQUIRE) }, async () => {
      using root = phonyRoot({ shell, scripts: [{ payload: `${NOTE_START}; [ "$INSTAR_ATTEMPT" = 2 ] || sleep 100`, retries: 1 }] })

      await cutAtStart(root)
      await root.boot()

      const attempts = root.results().map(each => pick(each, 'attempt', 'interrupted', 'exit_code'))
      assert.deepEqual(attempts.slice(0, -1), [
        [1, true, null],
        [2, false, 0],
      ])
    })

    test(
      `${shell}: a script that ends every boot comes to its end at the cap of boots`,
      { skip: lacks(shell, process.env.INSTAR_REQUIRE) },
      async () => {
        using root = phonyRoot({ shell, scripts: [{ payload: HANG, retries: 99 }], limits: { maxBoots: 3, maxTotalS: 7200 } })

        for (const boot of [1, 2, 3]) await cutAtStart(root, boot)
        await root.boot()

        assert.equal(startsOf(root).length, 3)
        assert.deepEqual(pick(root.results().at(-1), 'state', 'reason', 'failed'), ['capped', 'boot cap of 3 reached', 1])
        assert.ok(!root.exists(UNIT_LINK))
      },
    )

    test(
      `${shell}: what a dead runner left running ends before anything else starts`,
      { skip: lacks(shell, process.env.INSTAR_REQUIRE) },
      async () => {
        using root = phonyRoot({
          shell,
          scripts: [
            { payload: `${NOTE_START}; setsid sleep 501 & echo $PPID >"$INSTAR_FIRSTBOOT_TEST_ROOT/runner"; sleep 502` },
            { payload: 'echo next' },
          ],
        })
        const first = root.boot()
        await root.until(() => root.exists('runner') && root.read('runner') !== '')

        process.kill(Number(root.read('runner')), 'SIGKILL')
        await first
        await root.boot()

        const [cut, next] = root.results()
        assert.equal(cut?.interrupted, true)
        assert.match(String(cut?.left_running), /sleep 501/)
        assert.equal(next?.exit_code, 0)
        assert.deepEqual(
          root.processes().filter(command => /sleep 50[12]/.test(command)),
          [],
        )
      },
    )
  }

  test('scripts that ask for reboots for ever get nine, in ten boots', async () => {
    using root = phonyRoot({ shell: 'dash', scripts: Array.from({ length: 12 }, () => ({ payload: 'exit 194' })) })

    for (let boots = 0; root.exists(UNIT_LINK) && boots < 20; boots++) await root.boot()

    assert.equal(root.reboots(), 9)
    assert.deepEqual(pick(root.results().at(-1), 'state', 'reason', 'succeeded', 'skipped', 'boots'), [
      'capped',
      'boot cap of 10 reached',
      10,
      2,
      10,
    ])
  })

  test('a reboot that the records would not outlive is not done', async () => {
    using root = phonyRoot({
      shell: 'dash',
      scripts: [{ payload: 'exit 194' }, { payload: 'echo b' }],
      files: { 'proc/mounts': 'overlayroot / overlay rw 0 0\ntmpfs /run tmpfs rw 0 0\n' },
    })

    await root.boot()

    assert.equal(root.reboots(), 0)
    assert.deepEqual(root.results()[0]?.notes, ['reboot not done: records would not outlive it'])
    assert.equal(root.results().at(-1)?.succeeded, 2)
  })

  test('goes on where no reboot can be had', async () => {
    using root = phonyRoot({ shell: 'dash', scripts: [{ payload: 'exit 194' }, { payload: 'echo b' }] })
    rmSync(join(root.path, 'bin/systemctl'))

    await root.boot()

    assert.deepEqual(pick(root.results().at(-1), 'state', 'succeeded', 'boots'), ['complete', 2, 1])
  })

  test('the cap of time ends the script that runs and skips the rest', async () => {
    using root = phonyRoot({
      shell: 'dash',
      scripts: [{ payload: 'sleep 100', timeoutS: 0, onFailure: 'continue' }, { payload: 'echo never' }],
      limits: { maxBoots: 10, maxTotalS: 2 },
    })

    await root.boot()

    const [first, end] = root.results()
    assert.equal(first?.timed_out, true)
    assert.deepEqual(pick(end, 'state', 'reason', 'failed', 'skipped'), ['capped', 'time cap of 2 s reached', 1, 1])
  })

  test('time counts over boots, from whatever is left of the records, and no clock can change it', async () => {
    const files = { 'bin/date': '#!/bin/sh\necho 1970-01-01T00:00:0$(($$ % 10))Z\n' }
    using root = phonyRoot({ shell: 'dash', scripts: [{ payload: 'exit 194' }, { payload: 'echo never' }], without: ['date'], files })
    await root.boot()
    const record = root.inRun('scripts/001/record')
    root.write(record, root.read(record).replace(/^spent_s=.*$/m, 'spent_s=7200'))
    root.write(root.inRun('state'), '')

    await root.boot()

    assert.deepEqual(pick(root.results().at(-1), 'state', 'reason', 'succeeded', 'skipped', 'boots'), [
      'capped',
      'time cap of 7200 s reached',
      1,
      1,
      2,
    ])
  })

  for (const [what, damage] of Object.entries<(file: string) => void>({
    'is empty': file => truncateSync(file),
    'is cut off': file => truncateSync(file, 60),
    'is gone': file => rmSync(file),
    'is garbage': file => writeFileSync(file, Buffer.from([0, 255, 10, 61, 61, 10, 36, 40, 41, 10])),
    'holds numbers that are none': file => writeFileSync(file, 'attempt=08\nboot=0x\nspent_s=-1\nboots=$(x)\nsha256=\nend=1\n'),
  })) {
    for (const file of ['scripts/002/record', 'state', 'results.jsonl']) {
      test(`goes on after a power cut though ${file} ${what}`, async () => {
        using root = phonyRoot({
          shell: 'dash',
          scripts: [{ payload: NOTE_START }, { payload: HANG, retries: 1 }, { payload: NOTE_START }],
        })
        await cutAtStart(root, 2)
        damage(join(root.path, root.inRun(file)))

        for (let boots = 0; root.exists(UNIT_LINK) && boots < 10; boots++) await cutAtStart(root, startsOf(root).length + 1)

        const starts = startsOf(root)
        assert.equal(starts[0], 'script-1')
        assert.equal(starts.at(-1), 'script-3')
        assert.ok(starts.slice(1, -1).every(name => name === 'script-2') && starts.length <= 5, starts.join(' '))
        assert.ok(!root.exists(UNIT_LINK))
      })
    }
  }

  test('starts nothing when its records cannot be written, and tells the console', async () => {
    for (const place of ['state.new/', 'scripts/001/record.new/']) {
      using root = phonyRoot({ shell: 'dash', scripts: [{ payload: NOTE_START }] })
      root.write(root.inRun(`${place}x`), '')

      const { code } = await root.boot()

      assert.equal(code, 1)
      assert.deepEqual(startsOf(root), [])
      assert.match(root.read('dev/ttyS0'), /"state":"aborted","reason":"cannot write [^"]+"/)
    }
  })

  test('a second runner does nothing while the first one runs', async () => {
    using root = phonyRoot({
      shell: 'dash',
      scripts: [{ payload: `${NOTE_START}; until [ -e "$INSTAR_FIRSTBOOT_TEST_ROOT/go" ]; do sleep 0.05; done` }],
    })
    const first = root.boot()
    await root.until(() => startsOf(root).length > 0)

    const second = await root.boot()
    root.write('go', '')
    await first

    assert.match(second.log, /runs already/)
    assert.equal(root.results().at(-1)?.boots, 1)
  })

  test('a finished run whose service is still linked says its results again, and removes the link', async () => {
    using root = phonyRoot({ shell: 'dash', scripts: [{ payload: NOTE_START }] })
    await root.boot()
    root.write(UNIT_LINK, '')
    root.write(`var/lib/instar/firstboot/queue/001-${root.runId}`, '')
    root.write('dev/ttyS0', '')

    await root.boot()

    assert.match(root.read('dev/ttyS0'), /"state":"complete"/)
    assert.deepEqual(startsOf(root), ['script-1'])
    assert.ok(!root.exists(UNIT_LINK))
  })
})

suite('a power cut anywhere', { concurrency: 4 }, () => {
  const PAYLOAD = `${NOTE_START}; echo out`
  for (const shell of SHELLS) {
    for (const ms of shell === 'dash' ? [0, 20, 40, 60, 80, 100, 130, 160, 200, 250, 300, 400] : [30, 90, 150, 220, 350]) {
      test(`${shell}: ${ms} ms after the start loses and repeats nothing`, { skip: lacks(shell, process.env.INSTAR_REQUIRE) }, async () => {
        using root = phonyRoot({
          shell,
          scripts: [{ payload: PAYLOAD }, { payload: `${PAYLOAD}; exit 194` }, { payload: PAYLOAD }],
          secrets: [{ name: 'a', value: Buffer.from('b') }],
        })
        const from = performance.now()

        await root.bootUntil(() => performance.now() > from + ms)
        for (let boots = 0; root.exists(UNIT_LINK) && boots < 20; boots++) await root.boot()

        const results = root.results()
        const end = results.pop()
        assert.deepEqual(
          results.map(each => pick(each, 'order', 'attempt')),
          [
            [1, 1],
            [2, 1],
            [3, 1],
          ],
        )
        assert.equal(end?.state, 'complete')
        assert.equal(Number(end.succeeded) + Number(end.failed), 3)
        assert.equal(results.filter(each => each.interrupted).length, end.failed)
        for (const name of ['script-1', 'script-2', 'script-3'])
          assert.ok(startsOf(root).filter(each => each === name).length <= 1, startsOf(root).join())
        for (const result of results) if (result.interrupted !== true) assert.ok(startsOf(root).includes(String(result.name)))
        assert.ok(!root.exists(root.inRun('secrets')))
      })
    }
  }
})
