import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { lacks, phonyRoot, SHELLS } from './phony-root.ts'
import type { PhonyRoot } from './phony-root.ts'

const secrets = [{ name: 'token', value: Buffer.from('hunter22\n') }]
const masks = ['hunter22']
const outputOf = (root: PhonyRoot): string => Buffer.from(String(root.results()[0]?.output_base64), 'base64').toString()

suite('secrets in what the runner tells', { concurrency: 4 }, () => {
  for (const shell of SHELLS) {
    test(`${shell}: are masked in both streams, on every sink`, { skip: lacks(shell, process.env.INSTAR_REQUIRE) }, async () => {
      const payload = 'cat "$INSTAR_SECRETS_DIR/token" "$INSTAR_SECRETS_DIR/token" >&2; printf "a\\0\\377%s%s hunter2\\n" hunter22 hunter22'
      using root = phonyRoot({ shell, secrets, masks, scripts: [{ payload }] })

      await root.boot()

      const [result] = root.results()
      assert.equal(Buffer.from(String(result?.output_base64), 'base64').toString('latin1'), 'a\0\xff****** hunter2\n***\n***\n')
      assert.deepEqual([result?.stdout_bytes, result?.stderr_bytes, result?.notes], [28, 18, []])
      assert.ok(root.read('dev/ttyS0').includes(String(result?.output_base64)))
      assert.equal(root.exists(root.inRun('masks')), false)
    })
  }

  test('are masked from the longest on, and only where bytes are theirs', async () => {
    // "22!" is 323221 in hex, which holds 2322 between its bytes, the mask #".
    const payload = 'printf "%s\\n" abcdefgh abcd "22!"'
    using root = phonyRoot({ shell: 'dash', secrets, masks: ['abcdefgh', 'abcd', '#"'], scripts: [{ payload }] })

    await root.boot()

    assert.equal(outputOf(root), '***\n***\n22!\n')
  })

  for (const more of [0, 1, 7, 8, 9]) {
    test(`are masked where the end that is told begins ${more} bytes before their own end`, async () => {
      const payload = `yes x | tr -d "\\n" | head -c 9000; printf hunter22; yes y | tr -d "\\n" | head -c ${4096 - more}`
      using root = phonyRoot({ shell: 'dash', secrets, masks, scripts: [{ payload }] })

      await root.boot()

      assert.match(outputOf(root), more === 0 ? /^y+$/ : /^x{0,5}\*{1,3}y+$/)
    })
  }

  test('are not told where no tool can find them: the output stays in the machine', async () => {
    using root = phonyRoot({ shell: 'dash', secrets, masks, scripts: [{ payload: 'echo hunter22' }], without: ['od'] })

    await root.boot()

    assert.equal(outputOf(root), '')
    assert.deepEqual(root.results()[0]?.notes, ['output left out: secrets cannot be masked in it'])
    assert.equal(root.read(root.inRun('scripts/001/attempt-1/stdout')), 'hunter22\n')
  })

  test('are not told of a last attempt that was cut off, since they have left the disk', async () => {
    using root = phonyRoot({ shell: 'dash', secrets, masks, scripts: [{ payload: 'echo hunter22; sleep 60' }] })
    await root.bootUntil(
      () => root.exists(root.inRun('scripts/001/attempt-1/stdout')) && root.read(root.inRun('scripts/001/attempt-1/stdout')) !== '',
    )

    await root.boot()

    assert.equal(root.results()[0]?.interrupted, true)
    assert.equal(outputOf(root), '')
    assert.deepEqual(root.results()[0]?.notes, ['output left out: secrets cannot be masked in it'])
  })
})
