import type { Command } from 'commander'
import { createProgram } from '../packages/cli/src/program.ts'

/** The page of all commands and options, from the command table that `--help` prints. */
export function renderCli(): string {
  const nothing = { write: () => undefined, writeBytes: async () => undefined, isTerminal: false, columns: 80 }
  const program = createProgram(
    {
      paths: { cacheDir: '', stateDir: '', runtimeDir: '' },
      signal: new AbortController().signal,
      stdout: nothing,
      stderr: nothing,
      now: () => new Date(0),
      argv: [],
      cwd: '/',
    },
    () => undefined,
  )
  const pages = leaves(program).map(renderCommand)
  return `# Commands

Made by \`npm run generate\` from the command table in \`packages/cli/src/commands\`; \`instar COMMAND --help\` prints the same. Exit codes: 0 done,
1 failed, 2 usage, 3 refused with nothing changed, 4 a user script failed, 5 time limit, 75 locked, 128+n signal.

${pages.join('\n')}`
}

function leaves(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves)
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`
}

function renderCommand(command: Command): string {
  const args = command.registeredArguments
  const words = args.map(
    argument => `${argument.required ? '<' : '['}${argument.name()}${argument.variadic ? '...' : ''}${argument.required ? '>' : ']'}`,
  )
  const rows = [
    ...args.map((argument, index) => [words[index]!, argument.description, '']),
    ...command.options.map(({ flags, description, argChoices, defaultValue }) => [
      flags,
      argChoices === undefined ? description : `${description} (${argChoices.join(', ')})`,
      defaultValue === undefined ? '' : String(defaultValue),
    ]),
  ]
  const table = rows.map(
    ([flag = '', text = '', value = '']) =>
      `| \`${flag.replaceAll('|', String.raw`\|`)}\` | ${text.replaceAll('|', String.raw`\|`)} | ${value} |`,
  )
  return `## ${[nameOf(command), ...words].join(' ')}

${command.description()}

| argument or option | meaning | default |
| --- | --- | --- |
${table.join('\n')}
`
}
