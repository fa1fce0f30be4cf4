import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { lacks, phonyRoot, SHELLS } from './phony-root.ts'
import { UNIT_LINK } from './units.ts'

const outputOf = (result: Record<string, unknown> | undefined): string => Buffer.from(String(result?.output_base64), 'base64').toString()
const pick = (result: Record<string, unknown> | undefined, ...keys: string[]): unknown[] => keys.map(key => result?.[key])

// Mostly waiting: several at once.
suite('the runner', { concurrency: 4 }, () => {
  for (const shell of SHELLS) {
    test(
      `${shell}: runs each script once, in order, and cleans up behind itself`,
      { skip: lacks(shell, process.env.INSTAR_REQUIRE) },
      async () => {
        using root = phonyRoot({
          shell,
          scripts: [{ payload: 'echo one >>"$HOME/../order" 2>/dev/null; echo out; echo err >&2' }, { payload: 'echo two' }],
          secrets: [{ name: 'token', value: Buffer.from('s3cret') }],
        })

        const { code } = await root.boot()

        assert.equal(code, 0)
        const [first, second, end] = root.results()
        assert.deepEqual(
          pick(first, 'order', 'attempt', 'exit_code', 'signal', 'timed_out', 'interrupted', 'stdout_bytes', 'stderr_bytes'),
          [1, 1, 0, null, false, false, 4, 4],
        )
        assert.deepEqual([outputOf(first), outputOf(second)], ['out\nerr\n', 'two\n'])
        assert.deepEqual(pick(end, 'state', 'succeeded', 'failed', 'skipped', 'boots'), ['complete', 2, 0, 0, 1])
        assert.equal(root.read(root.inRun('scripts/001/attempt-1/stdout')), 'out\n')
        const left = [
          UNIT_LINK,
          root.inRun('secrets'),
          root.inRun('scripts/001/payload'),
          'run/instar/firstboot/secrets',
          'var/lib/instar/firstboot/queue',
        ].filter(path => root.exists(path))
        assert.deepEqual(left, [])
        await root.until(() => root.processes().length === 0)
      },
    )

    test(`${shell}: gives scripts the environment, and secrets in memory`, { skip: lacks(shell, process.env.INSTAR_REQUIRE) }, async () => {
      const payload =
        'printf "%s|" "$INSTAR_FORMAT_VERSION" "$INSTAR_RUN_ID" "$INSTAR_PHASE" "$INSTAR_SCRIPT" "$INSTAR_ATTEMPT" "$INSTAR_ROOT" "$INSTAR_OS_TYPE" "$INSTAR_DISTRO" "$INSTAR_DISKS" "$A" "$#"; cat "$INSTAR_SECRETS_DIR/token"'
      const name = 'q"u\'o\\te\n$(x) `y` ü'
      using root = phonyRoot({
        shell,
        scripts: [{ name, payload, env: { A: "it's\n$HOME", UID: '7', INSTAR_ROOT: 'mine' } }],
        secrets: [{ name: 'token', value: Buffer.from('s3cret') }],
        files: {
          'sys/block/vdb/size': '8',
          'sys/block/vda/size': '8',
          'sys/block/loop0/size': '8',
          'sys/block/sdc/size': '0',
          'sys/block/vda/vda1/partition': '1',
        },
        links: { 'sys/class/block/vda1': '../../block/vda/vda1' },
      })

      await root.boot()

      const [result] = root.results()
      assert.equal(result?.name, name)
      assert.equal(
        outputOf(result),
        [
          '1',
          root.runId,
          'replica_first_boot',
          name,
          '1',
          '/',
          'linux',
          'debian 12',
          '/dev/vda\n/dev/vdb',
          "it's\n$HOME",
          '0',
          's3cret',
        ].join('|'),
      )
    })

    test(`${shell}: a failure ends the run, and tells what was skipped`, { skip: lacks(shell, process.env.INSTAR_REQUIRE) }, async () => {
      using root = phonyRoot({ shell, scripts: [{ payload: 'exit 3' }, { payload: 'echo never' }] })

      await root.boot()

      const [first, end] = root.results()
      assert.equal(first?.exit_code, 3)
      assert.deepEqual(pick(end, 'state', 'reason', 'succeeded', 'failed', 'skipped'), ['aborted', 'script 1 failed', 0, 1, 1])
    })

    test(
      `${shell}: goes on after a failure where the script says so, and tries again as often as it says`,
      { skip: lacks(shell, process.env.INSTAR_REQUIRE) },
      async () => {
        using root = phonyRoot({
          shell,
          scripts: [
            { payload: 'exit 1', onFailure: 'continue', retries: 1 },
            { payload: '[ "$INSTAR_ATTEMPT" = 2 ]', retries: 5 },
          ],
        })

        await root.boot()

        const attempts = root.results().map(each => pick(each, 'order', 'attempt', 'exit_code'))
        assert.deepEqual(attempts.slice(0, -1), [
          [1, 1, 1],
          [1, 2, 1],
          [2, 1, 1],
          [2, 2, 0],
        ])
        assert.deepEqual(pick(root.results().at(-1), 'state', 'succeeded', 'failed'), ['complete', 1, 1])
      },
    )

    test(`${shell}: exit 194 reboots and goes on with the next script`, { skip: lacks(shell, process.env.INSTAR_REQUIRE) }, async () => {
      using root = phonyRoot({ shell, scripts: [{ payload: 'exit 194' }, { payload: 'echo second' }] })

      await root.boot()

      assert.equal(root.read('reboots'), '--no-block reboot\n')
      assert.deepEqual(
        root.results().map(each => each.exit_code),
        [194],
      )
      assert.ok(root.exists(UNIT_LINK))

      await root.boot()

      assert.equal(root.reboots(), 1)
      assert.deepEqual(
        root.results().map(each => each.order),
        [1, 2, undefined],
      )
      assert.deepEqual(pick(root.results().at(-1), 'state', 'succeeded', 'boots'), ['complete', 2, 2])
    })

    test(`${shell}: says why a script did not run`, { skip: lacks(shell, process.env.INSTAR_REQUIRE) }, async () => {
      using root = phonyRoot({
        shell,
        scripts: [
          { payload: '#!/opt/none -x\n', onFailure: 'continue' },
          { payload: '#!/bin/sh -e\nfalse\necho no', onFailure: 'continue' },
          { payload: 'echo a' },
        ],
      })
      root.write(root.inRun('scripts/003/payload'), 'echo b')

      await root.boot()

      const [missing, strict, changed] = root.results()
      assert.deepEqual(pick(missing, 'exit_code', 'notes'), [127, ['interpreter not found: not run']])
      assert.deepEqual(pick(strict, 'exit_code', 'stdout_bytes'), [1, 0])
      assert.deepEqual(pick(changed, 'exit_code', 'notes'), [126, ['payload differs from its hash: not run']])
    })

    test(
      `${shell}: takes any bytes of output and any command line into its JSON`,
      { skip: lacks(shell, process.env.INSTAR_REQUIRE) },
      async () => {
        const payload =
          'i=0; while [ $i -lt 256 ]; do printf "\\\\$(printf %03o $i)"; i=$((i+1)); done; sh -c \'sleep 300; : "\\\\"\' \'a"b\\c\nd\te\' & sleep 0.5'
        using root = phonyRoot({ shell, scripts: [{ payload }] })

        await root.boot()

        const [result] = root.results()
        assert.deepEqual(
          Buffer.from(String(result?.output_base64), 'base64'),
          Buffer.from(Uint8Array.from({ length: 256 }, (_, index) => index)),
        )
        assert.match(String(result?.left_running), /a"b\\c\?d\?e/)
      },
    )

    test(`${shell}: does without tools that a system lacks, and says so`, { skip: lacks(shell, process.env.INSTAR_REQUIRE) }, async () => {
      using root = phonyRoot({
        shell,
        scripts: [{ payload: 'printf "abcd"; sleep 400 &' }],
        without: ['setsid', 'base64', 'openssl', 'sha256sum', 'shred'],
      })

      await root.boot()

      const [result] = root.results()
      assert.match(outputOf(result), /^abcd/)
      assert.match(String(result?.left_running), /sleep 400/)
      // A busybox shell has its applets whatever PATH says.
      if (shell !== 'busybox') assert.equal(Array.isArray(result?.notes) && result.notes.length, 2)
      await root.until(() => root.processes().length === 0)
    })
  }
})
