import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { shellLine } from './shell-words.ts'

test('a shell reads back the words of a line, and plain ones stay as they are', () => {
  const words = ['a b', "it's", '', '$HOME', '`id`', '~', '*', '!x', 'a\nb', 'é', '--key=all:text:***']

  assert.equal(execFileSync('sh', ['-c', `printf '%s\\0' ${shellLine(words)}`], { encoding: 'utf8' }), `${words.join('\0')}\0`)
  assert.equal(shellLine(['morph', '/d/web.qcow2', '--script', 'ok.sh,timeout=60']), 'morph /d/web.qcow2 --script ok.sh,timeout=60')
})
