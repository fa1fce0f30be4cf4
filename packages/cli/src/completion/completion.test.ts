import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const dir = mkdtempSync(join(tmpdir(), 'instar-completion-'))
after(() => rmSync(dir, { recursive: true }))
const main = join(import.meta.dirname, '../main.ts')
writeFileSync(join(dir, 'instar'), `#!/bin/sh\nexec '${process.execPath}' --disable-warning=ExperimentalWarning '${main}' "$@"\n`)
chmodSync(join(dir, 'instar'), 0o755)

/** What a real bash does with a program, whose words of a line it gets by `--` as readline splits them. */
function bash(program: string): { stdout: string; stderr: string } {
  const env = { ...process.env, PATH: `${dir}:${process.env['PATH']}` }
  return spawnSync('bash', ['--norc', '-uc', program], { cwd: dir, env, encoding: 'utf8' })
}

const LOAD = 'source <(instar complete bash)'
function offered(...words: readonly string[]): string[] {
  const line = words.map(word => `'${word}'`).join(' ')
  const asked = `COMP_WORDS=(instar ${line}); COMP_CWORD=${words.length}; _instar instar; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr } = bash(`${LOAD}; ${asked}`)
  assert.equal(stderr, '')
  return stdout.split('\n').filter(Boolean)
}

test('bash loads the completion twice without a word, and declares nothing that stays read-only', () => {
  const { stdout, stderr } = bash(`declare -r >before; ${LOAD}; ${LOAD}; declare -r >after; diff before after; complete -p instar`)

  assert.equal(stderr, '')
  assert.equal(stdout, 'complete -o default -F _instar instar\n')
})

test('bash offers verbs, options and their values, also behind an equals sign; files where instar knows nothing', () => {
  assert.deepEqual(offered('transfer', 'exec'), ['execute', 'execution'])
  assert.deepEqual(offered('transfer', 'list', '--fo'), ['--format'])
  assert.deepEqual(offered('transfer', 'list', '--format', '=', 'ya'), ['yaml'])
  assert.deepEqual(offered('transfer', 'list', '--format', '='), ['table', 'json', 'yaml', 'csv', 'value'])
  assert.deepEqual(offered('morph', ''), [])
})

test('bash runs nothing of what stands on the line', () => {
  offered('morph', '$(touch ran)', '`touch ran`', '')

  assert.equal(bash('ls').stdout.includes('ran'), false)
})
