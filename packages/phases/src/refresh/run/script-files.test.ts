import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ScriptFiles } from './script-files.ts'

/** Longer than a file may be young. */
const OLD_MS = 60

async function planted(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'instar-files-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const [first, second] = [join(dir, '1'), join(dir, '2')]
  for (const path of [first, second]) writeFileSync(path, '#!/bin/sh\n:\n')
  await sleep(OLD_MS)
  return { dir, first, second, files: new ScriptFiles([first, second]) }
}

test('a script that is as it was when it was read ahead is known', async t => {
  const { first, second, files } = await planted(t)
  files.readAhead(first)

  assert.deepEqual(files.look(second), files.look(first))
  assert.deepEqual(files.look(second), {
    sha256: '2900bba778551107d4e757bdf23e08315985ea7195d1f82b784f13d21bb16d10',
    kind: 'native',
  })
})

test('one that was changed meanwhile in any way is read again, one that was removed is gone', async t => {
  for (const change of [
    (path: string) => writeFileSync(path, '#!/bin/sh\n!\n'),
    (path: string) => {
      writeFileSync(`${path}.new`, '#!/bin/sh\n!\n')
      utimesSync(`${path}.new`, 1, 1)
      renameSync(`${path}.new`, path)
    },
  ]) {
    const { first, second, files } = await planted(t)
    const before = files.look(second)
    files.readAhead(first)
    change(second)

    assert.notEqual(files.look(second)?.sha256, before?.sha256)
    rmSync(second)
    assert.equal(files.look(second), undefined)
  }
})

test('a file that was written a moment ago is not trusted', async t => {
  const { first, second, files } = await planted(t)
  for (let round = 0; round < 20; round += 1) {
    writeFileSync(second, `#!/bin/sh\n# ${round % 10}\n`)
    files.readAhead(first)
    writeFileSync(second, `#!/bin/sh\n! ${round % 10}\n`)
    const [seen, now] = [files.look(second), new ScriptFiles([]).look(second)]

    assert.deepEqual(seen, now)
  }
})
