import type { Command } from 'commander'
import { createProgram } from '../packages/cli/src/program.ts'

/** The whole command table, as `--help` prints it. */
export async function loadProgram(): Promise<Command> {
  const nothing = { write: () => undefined, writeBytes: async () => undefined, isTerminal: false, columns: 80 }
  const context = {
    paths: { cacheDir: '', stateDir: '', runtimeDir: '' },
    signal: new AbortController().signal,
    stdout: nothing,
    stderr: nothing,
    now: () => new Date(0),
    argv: [],
    cwd: '/',
    isRoot: false,
    env: {},
  }
  return createProgram(context, () => undefined, 'all')
}

/** The page of all commands and options. */
export async function renderCli(): Promise<string> {
  const program = await loadProgram()
  const pages = leaves(program).map(renderCommand)
  const session = program.options.filter(({ long }) => long !== '--version').map(({ flags, description }) => [flags, description, ''])
  return `# Commands

Made by \`npm run generate\` from the command table in \`packages/cli/src/commands\`; \`instar COMMAND --help\` prints the same. Exit codes:
0 done, 1 failed, 2 usage, 3 refused with nothing changed, 4 a user script failed, 5 time limit, 75 locked, 128+n signal.

## Options of all commands that talk to a service

They may stand before or behind the command. Each \`--os-...\` has its variable of the environment (\`OS_...\`). A token is kept for ten minutes
in the state folder, readable for its user only. \`instar complete bash\` (zsh, fish) prints what a shell needs to complete commands.

| option | meaning | default |
| --- | --- | --- |
${tableOf(session)}

${pages.join('\n')}`
}

/** What can be run: commands without commands of their own, and `instar refresh`, which is one with. */
function leaves(command: Command): Command[] {
  const own = command.commands.length === 0 || (command.parent !== null && command.options.length > 0) ? [command] : []
  return [...own, ...command.commands.flatMap(leaves)]
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
  return `## ${[nameOf(command), ...words].join(' ')}

${command.description()}

| argument or option | meaning | default |
| --- | --- | --- |
${tableOf(rows)}
`
}

function tableOf(rows: readonly (readonly string[])[]): string {
  return rows
    .map(
      ([flag = '', text = '', value = '']) =>
        `| \`${flag.replaceAll('|', String.raw`\|`)}\` | ${text.replaceAll('|', String.raw`\|`)} | ${value} |`,
    )
    .join('\n')
}
