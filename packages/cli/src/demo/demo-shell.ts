import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InstarError } from '@instar/contract/errors'
import type { Context } from '../context.ts'
import { shellWord } from '../output/shell-words.ts'
import { runProgram } from '../program.ts'

const MAX_COLUMNS = 120

/** Runs command lines of Instar as a user would, and shows them. */
export interface DemoShell {
  say(text: string): void
  /** Shows a file. */
  show(file: string): Promise<void>
  /** Shows the command and what it prints; throws what it throws. */
  run(argv: readonly string[]): Promise<void>
  /** What it prints as JSON, not shown. */
  ask(argv: readonly string[]): Promise<unknown>
}

interface Login {
  readonly url: string
  readonly password: string
  /** Folder of the demo: tokens are kept there. */
  readonly work: string
  /** Paths that are shown otherwise than they are. */
  readonly shown: readonly (readonly [path: string, shown: string])[]
}

export function createDemoShell(context: Context, { url, password, work, shown }: Login): DemoShell {
  const env = { OS_AUTH_URL: `${url}/identity/v3`, OS_USERNAME: 'admin', OS_PASSWORD: password, OS_PROJECT_NAME: 'admin' }
  const own: Context = { ...context, env, paths: { ...context.paths, stateDir: join(work, 'cli') } }
  const run = async (ran: Context) => {
    const exitCode = await runProgram(ran)
    if (exitCode !== 0) throw new InstarError('internal.bug', `instar ${ran.argv.join(' ')} ended with exit code ${exitCode}`)
  }
  return {
    say: text => context.stdout.write(`${text}\n`),
    show: async file => {
      context.stdout.write(`$ cat ${withNames(`${file}\n${await readFile(file, 'utf8')}`, shown)}`)
    },
    run: async argv => {
      context.stdout.write(`${commandLines(argv, shown)}\n`)
      await run({ ...own, argv })
    },
    ask: async argv => {
      let text = ''
      const stdout = { ...own.stdout, isTerminal: false, columns: 80, write: (piece: string) => void (text += piece) }
      await run({ ...own, stdout, argv: [...argv, '-f', 'json'] })
      return JSON.parse(text) as unknown
    },
  }
}

function withNames(text: string, shown: Login['shown']): string {
  return shown.reduce((now, [path, name]) => now.replaceAll(path, name), text)
}

/** A command as a shell takes it, on as many lines as it needs. */
function commandLines(argv: readonly string[], shown: Login['shown']): string {
  const words = argv.map(word => shellWord(withNames(word, shown)))
  const lines = ['$ instar']
  for (const [index, word] of words.entries()) {
    const next = words[index + 1]
    // An option and its value stay together.
    const length = `${lines.at(-1)} ${word} ${word.startsWith('-') ? (next ?? '') : ''}`.length
    if (length > MAX_COLUMNS && (word.startsWith('-') || !words[index - 1]?.startsWith('-'))) lines.push('   ')
    lines[lines.length - 1] += ` ${word}`
  }
  return lines.join(' \\\n')
}
