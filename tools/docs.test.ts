import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { ERRORS } from '@instar/contract'
import type { Command } from 'commander'
import { loadProgram } from './render-cli.ts'

const pages = globSync('**/*.md', { exclude: name => name.includes('node_modules') || name === 'dist' })

test('every link between pages leads to a file', () => {
  const broken = pages.flatMap(page =>
    [...readFileSync(page, 'utf8').matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(found => found[1]!)
      .filter(link => !/^\w+:/.test(link) && !existsSync(join(dirname(page), link)))
      .map(link => `${page}: ${link}`),
  )

  assert.deepEqual(broken, [])
})

test('every instar command in the pages exists, with the options that stand there', async () => {
  const program = await loadProgram()
  const commands = pages.flatMap(page => commandsIn(readFileSync(page, 'utf8')).map(words => ({ page, words })))
  const wrong = commands.flatMap(({ page, words }) =>
    problemsOf(program, words).map(problem => `${page}: instar ${words.join(' ')}: ${problem}`),
  )

  assert.ok(commands.length > 50, 'the pages show commands')
  assert.deepEqual(wrong, [])
})

/** The words of each `instar ...` in code: at the beginning of a line of a block, or the whole of a `span`; placeholders and values too. */
function commandsIn(text: string): string[][] {
  const blocks = [...text.matchAll(/^```(?:sh|console)\n([^]*?)^```/gm)].flatMap(([, block]) => block!.replaceAll(/\\\n/g, ' ').split('\n'))
  const spans = [...text.replaceAll(/^```[^]*?^```/gm, '').matchAll(/`((?:npx |\.\/)?instar [^`]+)`/g)].map(([, span]) => span!)
  return [...blocks, ...spans].flatMap(line => {
    const [, command] = /^(?:\$ )?(?:npx |\.\/)?instar ([^#|;]*)/.exec(line.trim()) ?? []
    return command === undefined ? [] : [command.trim().split(/\s+/)]
  })
}

/** Options of a command line that its command does not have, or a word that names no command. */
function problemsOf(program: Command, words: readonly string[]): string[] {
  let command = program
  for (const word of words) {
    const next = command.commands.find(one => one.name() === word)
    if (next === undefined) {
      // The tests have a door of their own in the launcher, and commander adds `help` by itself.
      if (command === program)
        return word.startsWith('-') || ['test', 'help', 'complete'].includes(word) || /^[A-Z]+$/.test(word) ? [] : [`no command "${word}"`]
      if (command.commands.length > 0 && /^[a-z]+$/.test(word)) return [`no command "${word}"`]
      break
    }
    command = next
  }
  const known = new Set([...command.options, ...program.options].map(({ long }) => long).concat('--help', '--version'))
  return words.filter(word => /^--[a-z]/.test(word) && !known.has(word.replace(/=.*/, ''))).map(option => `no option ${option}`)
}

test('every error code that a page or hint names is one of the table', () => {
  const areas: ReadonlySet<string | undefined> = new Set(Object.keys(ERRORS).map(code => code.split('.')[0]))
  const unknown = pages.flatMap(page =>
    [...readFileSync(page, 'utf8').matchAll(/`([a-z-]+)\.([a-z][a-z-]+)`/g)]
      .filter(([, area]) => areas.has(area))
      .map(([, area, name]) => `${area}.${name}`)
      .filter(code => !(code in ERRORS) && !/\.(?:ts|md|json|sh|yaml|cfg|service|conf|yml|toml|link|rules|devices|dep|wants)$/.test(code))
      .map(code => `${page}: ${code}`),
  )

  assert.deepEqual(unknown, [])
})
