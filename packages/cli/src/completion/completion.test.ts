import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { requires } from '@instar/fixtures'

const dir = mkdtempSync(join(tmpdir(), 'instar-completion-'))
after(() => rmSync(dir, { recursive: true }))
const main = join(import.meta.dirname, '../main.ts')
writeFileSync(join(dir, 'instar'), `#!/bin/sh\nexec '${process.execPath}' --disable-warning=ExperimentalWarning '${main}' "$@"\n`)
chmodSync(join(dir, 'instar'), 0o755)

function run(...[shell, ...argv]: [string, ...string[]]): { stdout: string; stderr: string } {
  const env = { ...process.env, HOME: dir, PATH: `${dir}:${process.env['PATH']}` }
  return spawnSync(shell, argv, { cwd: dir, env, encoding: 'utf8', timeout: 60_000 })
}

/** What a real bash does with a program, whose words of a line it gets by `--` as readline splits them. */
const bash = (program: string) => run('bash', '--norc', '-uc', program)

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

test('fish offers verbs, options and values, and runs nothing of the line', { skip: requires(['fish'], process.env) }, () => {
  const asked = ['transfer exec', 'transfer list --fo', 'transfer list --format ya', 'morph (touch ran) --acc']
  const program = asked.map(words => `complete -C "instar ${words}"`).join('; ')

  const { stdout } = run('fish', '--no-config', '-c', `instar complete fish | source; ${program}; ls`)

  assert.match(stdout, /^execute\t.*\nexecution\t.*\n--format\t.*\nyaml\n--accel\t/)
  assert.equal(/^ran$/m.test(stdout), false)
})

test('zsh, at a terminal of its own, offers them too', { skip: requires(['zsh'], process.env) }, () => {
  const tab = '\t'
  const program = `
    zmodload zsh/zpty
    zpty terminal zsh -f -i
    zpty -w terminal 'autoload -U compinit; compinit -u -d ${dir}/dump; source <(instar complete zsh); print loaded: yes'
    zpty -r terminal seen '*loaded: yes*'
    zpty -n -w terminal 'instar transfer exec${tab}${tab}'
    zpty -r terminal seen '*Runs of a transfer*' && print -r -- "$seen"
    zpty -n -w terminal $'\\x15''instar morph $(touch ran) --acc${tab}'
    zpty -r terminal seen '*--accel*'
    zpty -d terminal
    ls`

  const { stdout } = run('zsh', '-f', '-c', program)

  assert.match(stdout, /execute +-- Copies the disks[^]*execution +-- Runs of a transfer/)
  assert.equal(/^ran$/m.test(stdout), false)
})
