import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { requires } from '@instar/fixtures'
import fc from 'fast-check'
import { selectScripts } from './select.ts'

type Entry =
  | { readonly kind: 'file'; readonly mode: number }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'folder' | 'fifo' }

describe('which files of a directory run', () => {
  const work = mkdtempSync(join(tmpdir(), 'instar-select-'))
  after(() => rmSync(work, { recursive: true }))
  let count = 0

  const plant = (tree: Readonly<Record<string, Entry>>) => {
    const folder = join(work, String(count++))
    mkdirSync(folder)
    for (const [name, entry] of Object.entries(tree)) {
      const path = join(folder, name)
      if (entry.kind === 'file') writeFileSync(path, '#!/bin/sh\n', { mode: entry.mode })
      else if (entry.kind === 'link') symlinkSync(entry.target, path)
      else if (entry.kind === 'folder') mkdirSync(path)
      else spawnSync('mkfifo', ['-m', '755', path])
    }
    return folder
  }
  const scriptsOf = (folder: string, environment: NodeJS.ProcessEnv = {}) => {
    const selection = selectScripts(folder, { PATH: process.env['PATH'], ...environment })
    assert.equal(selection.kind, 'selected')
    return selection.kind === 'selected' ? [...selection.scripts] : []
  }
  const script: Entry = { kind: 'file', mode: 0o755 }

  it('names why another entry does not', () => {
    const folder = plant({
      '10-a': script,
      '20-plain': { kind: 'file', mode: 0o644 },
      '30-x.sh': script,
      '40-folder': { kind: 'folder' },
      '50-fifo': { kind: 'fifo' },
      '60-gone': { kind: 'link', target: 'nowhere' },
      '70-link': { kind: 'link', target: '30-x.sh' },
      '80-a\n90-b': script,
    })

    assert.deepEqual(selectScripts(folder, {}), {
      kind: 'selected',
      scripts: ['10-a', '70-link'],
      leftOut: [
        { name: '20-plain', reason: 'not-executable' },
        { name: '30-x.sh', reason: 'name' },
        { name: '40-folder', reason: 'not-a-file' },
        { name: '50-fifo', reason: 'not-a-file' },
        { name: '60-gone', reason: 'dangling' },
        { name: '80-a\n90-b', reason: 'name' },
      ],
    })
  })

  it('RUN_PARTS_REGEX is searched by the rules of grep -E, on bytes', () => {
    const folder = plant({ '10-aa': script, '20-b.sh': script, '-30': script, '40 x': script, é: script, 'a\nb': script })
    for (const [RUN_PARTS_REGEX, expected] of [
      ['', ['-30', '10-aa']],
      ['\\.sh$', ['20-b.sh']],
      ['a{2}|^[[:digit:]]+ ', ['10-aa', '40 x']],
      ['(a)\\1', ['10-aa']],
      ['-3', ['-30']],
      ['^2\n^4', ['20-b.sh', '40 x']],
      ['.', ['-30', 'é', '10-aa', '20-b.sh', '40 x']],
      ['[[:alpha:]]$', ['10-aa', '20-b.sh', '40 x']],
      ['nothing', []],
    ] as const) {
      assert.deepEqual(scriptsOf(folder, { RUN_PARTS_REGEX, LC_ALL: 'C.UTF-8' }), expected, RUN_PARTS_REGEX)
    }
  })

  it('refuses an expression that grep refuses, and a directory that it cannot read', () => {
    for (const RUN_PARTS_REGEX of ['[', '(', 'a{2,1}']) {
      const selection = selectScripts(plant({}), { PATH: process.env['PATH'], RUN_PARTS_REGEX })
      assert.equal(selection.kind, 'bad-rule', RUN_PARTS_REGEX)
    }
    assert.deepEqual(selectScripts(join(work, 'none'), {}), {
      kind: 'unreadable',
      path: join(work, 'none'),
      reason: 'No such file or directory',
    })
  })

  const digits = fc.stringMatching(/^[0-9]{2}$/)
  const names = (suffix: fc.Arbitrary<string>) => fc.tuple(digits, suffix).map(([number, rest]) => `${number}${rest}`)
  const entry: fc.Arbitrary<Entry> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('file' as const), mode: fc.constantFrom(0o755, 0o744, 0o711, 0o644, 0o600) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('folder' as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('link' as const), target: fc.constantFrom('/bin/sh', '/etc', '/etc/passwd', 'none') }),
    },
  )

  it('is what GNU find, grep and sort select', () => {
    const name = fc.oneof(names(fc.stringMatching(/^[A-Za-z0-9._~, -]{0,4}$/)), fc.stringMatching(/^[.#a-z0-9_-]{1,6}$/))
    const trees = fc.dictionary(
      name.filter(one => one !== '.' && one !== '..'),
      entry,
      { maxKeys: 12 },
    )

    fc.assert(
      fc.property(trees, tree => {
        const folder = plant(tree)
        const pipeline = `find . -maxdepth 1 -xtype f -executable -printf '%f\\n' | grep -E '^[0-9A-Za-z_-]+$' | sort -n`
        const expected = spawnSync('sh', ['-c', pipeline], {
          cwd: folder,
          env: { PATH: process.env['PATH'], LC_ALL: 'C' },
          encoding: 'utf8',
        })
        assert.deepEqual(scriptsOf(folder), expected.stdout.split('\n').slice(0, -1))
      }),
      { numRuns: 40 },
    )
  })

  it('is what run-parts --test lists, where the rules agree', { skip: requires(['run-parts'], process.env) }, () => {
    // Two digits: there the order of bytes is the order of numbers.
    const trees = fc.dictionary(names(fc.stringMatching(/^[A-Za-z._~-][A-Za-z0-9._~-]{0,3}$/)), entry, { maxKeys: 12 })

    fc.assert(
      fc.property(trees, tree => {
        const folder = plant(tree)
        const listed = spawnSync('run-parts', ['--test', folder], { env: { PATH: process.env['PATH'], LC_ALL: 'C' }, encoding: 'utf8' })
        assert.deepEqual(
          scriptsOf(folder).map(name => `${folder}/${name}`),
          listed.stdout.split('\n').slice(0, -1),
        )
      }),
      { numRuns: 40 },
    )
  })
})
