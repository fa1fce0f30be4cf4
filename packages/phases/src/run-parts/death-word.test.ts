import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { removeDeathWord } from './death-word.ts'

test("the shell's word is taken from the end of the script's file, and a file that the script removed is left", t => {
  const dir = mkdtempSync(join(tmpdir(), 'instar-word-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const file = join(dir, 'stderr')

  for (const [text, signal, left] of [
    ['oh\nKilled\n', 9, 'oh\n'],
    ['Killed\nSegmentation fault (core dumped)\n', 11, 'Killed\n'],
    ['Unknown signal 32\n', 32, ''],
    ['Real-time signal 3\n', 37, ''],
    ['Killed\n', 15, 'Killed\n'],
  ] as const) {
    writeFileSync(file, text)
    removeDeathWord(file, signal)
    assert.equal(readFileSync(file, 'utf8'), left)
  }
  removeDeathWord(join(dir, 'removed'), 9)
})
