import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { lacks, phonyRoot, SHELLS } from './phony-root.ts'

const outputOf = (result: Record<string, unknown> | undefined): string => Buffer.from(String(result?.output_base64), 'base64').toString()
const pick = (result: Record<string, unknown> | undefined, ...keys: string[]): unknown[] => keys.map(key => result?.[key])

// Mostly waiting: several at once.
suite('processes', { concurrency: 4 }, () => {
  for (const shell of SHELLS) {
    test(
      `${shell}: ends a script whose time is over, with all its children`,
      { skip: lacks(shell, process.env.INSTAR_REQUIRE) },
      async () => {
        using root = phonyRoot({
          shell,
          scripts: [
            { payload: 'sleep 100', timeoutS: 1, onFailure: 'continue' },
            { payload: 'trap "" TERM; (trap "" TERM; sleep 101; sleep 102) & while :; do sleep 103; done', timeoutS: 1 },
          ],
        })

        await root.boot()

        const [polite, stubborn] = root.results()
        assert.deepEqual(pick(polite, 'timed_out', 'exit_code', 'signal'), [true, null, 'SIGTERM'])
        assert.deepEqual(pick(stubborn, 'timed_out', 'exit_code', 'signal'), [true, null, 'SIGKILL'])
        await root.until(() => root.processes().length === 0)
      },
    )

    test(`${shell}: ends what a script leaves running, and names it`, { skip: lacks(shell, process.env.INSTAR_REQUIRE) }, async () => {
      const payload =
        'sleep 200 & setsid sleep 201 & sleep 202 >&- 2>&- & (setsid sh -c "trap \'\' TERM; sleep 203; sleep 204" &) ; echo done; sleep 0.5'
      using root = phonyRoot({ shell, scripts: [{ payload }, { payload: 'echo next' }] })

      await root.boot()

      const [result, next] = root.results()
      const left = Array.isArray(result?.left_running) ? result.left_running.map(String).join('\n') : ''
      assert.match(left, /^\d+ sleep 200$/m)
      assert.match(left, /^\d+ sleep 201$/m)
      assert.match(left, /^\d+ sleep 202$/m)
      assert.equal(outputOf(result), 'done\n')
      assert.equal(next?.exit_code, 0)
      await root.until(() => root.processes().length === 0)
    })

    test(`${shell}: a script may close its output and go on`, { skip: lacks(shell, process.env.INSTAR_REQUIRE) }, async () => {
      using root = phonyRoot({ shell, scripts: [{ payload: 'echo a; exec >&- 2>&-; sleep 0.3; exit 5' }] })

      await root.boot()

      assert.deepEqual(pick(root.results()[0], 'exit_code', 'stdout_bytes'), [5, 2])
    })

    test(`${shell}: keeps the first and last parts of endless output`, { skip: lacks(shell, process.env.INSTAR_REQUIRE) }, async () => {
      const payload = 'echo first; head -c 20000000 /dev/zero | tr "\\0" "x"; echo last; seq 1 20000 >&2'
      using root = phonyRoot({ shell, scripts: [{ payload }] })

      await root.boot()

      const [result] = root.results()
      assert.deepEqual(pick(result, 'stdout_bytes', 'stderr_bytes'), [20_000_011, 108_894])
      const kept = root.read(root.inRun('scripts/001/attempt-1/stdout'))
      assert.match(kept, /^first\nx/)
      assert.match(kept, /x\n\[instar: \d+ bytes left out\]\nx/)
      assert.match(kept, /xlast\n$/)
      assert.ok(kept.length < 7_000_000, `${kept.length} bytes on the disk`)
      const leftOut = Number(/\[instar: (\d+) bytes/.exec(kept)?.[1])
      assert.equal(kept.replace(/\n\[instar: \d+ bytes left out\]\n/, '').length + leftOut, 20_000_011)
      assert.equal(root.read(root.inRun('scripts/001/attempt-1/stderr')).length, 108_894)
      assert.match(outputOf(result), /xlast\n.*20000\n$/s)
      assert.equal(Buffer.from(String(result?.output_base64), 'base64').length, 4096)
    })

    test(
      `${shell}: waits only a while for output that a hidden process holds open`,
      { skip: lacks(shell, process.env.INSTAR_REQUIRE) },
      async () => {
        const payload = 'env -i setsid sleep 6 & echo a; sleep 0.3'
        using root = phonyRoot({ shell, scripts: [{ payload }, { payload: 'echo b' }] })

        await root.boot()

        const [held, next] = root.results()
        assert.deepEqual([held?.notes, outputOf(held)], [['output held open by another process: cut'], 'a\n'])
        assert.deepEqual([next?.notes, outputOf(next)], [[], 'b\n'])
      },
    )
  }
})
