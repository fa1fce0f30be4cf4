import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { BoundedFile } from './bounded-file.ts'

test('a stream is kept whole up to its limit, then its first and last parts with the count left out', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'bounded-'))
  let file = 0
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: 'binary-ascii', maxLength: 30 }), { maxLength: 12 }), async pieces => {
      const path = join(dir, String((file += 1)))
      const kept = await BoundedFile.create(path, 16)

      for (const piece of pieces) await kept.write(Buffer.from(piece))
      await kept.close()

      const whole = pieces.join('')
      const expected = whole.length <= 32 ? whole : `${whole.slice(0, 16)}\n[${whole.length - 32} bytes left out]\n${whole.slice(-16)}`
      assert.equal(readFileSync(path, 'utf8'), expected)
    }),
    { numRuns: 60 },
  )
  rmSync(dir, { recursive: true })
})
