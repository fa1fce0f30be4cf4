import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const LIMIT_MS = 20_000

test('a FIFO in the place of a script, or of its interpreter, is not waited for', t => {
  const dir = mkdtempSync(join(tmpdir(), 'instar-kind-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const [fifo, script] = [join(dir, 'fifo'), join(dir, 'script')]
  execFileSync('mkfifo', ['-m', '755', fifo])
  writeFileSync(script, `#!${fifo}\n`)
  const kinds = `
    import { programKind } from ${JSON.stringify(join(import.meta.dirname, 'program-kind.ts'))}
    import { ScriptFiles } from ${JSON.stringify(join(import.meta.dirname, '../refresh/run/script-files.ts'))}
    console.log(programKind('${fifo}'), programKind('${script}'), new ScriptFiles([]).look('${fifo}').kind)`

  // A process of its own, for one that waits for a FIFO cannot be told to stop.
  const told = execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', kinds], {
    encoding: 'utf8',
    timeout: LIMIT_MS,
  })

  assert.equal(told, 'native unsure native\n')
})
