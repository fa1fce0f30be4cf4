import { REFRESH_COMMANDS, type RefreshCommand, type RefreshOption } from '@instar/contract/refresh'

const COLUMN = 30

/** The text of --help for one command of `program`. */
export function renderHelp(program: string, command: RefreshCommand): string {
  const rows = [...command.options.map(rowOf), ['-h, --help', 'show this help'] as const]
  const commands = REFRESH_COMMANDS.filter(({ name }) => command.name === '' && name !== '')
  return [
    `Usage: ${usageOf(program, command)}`,
    '',
    command.description,
    '',
    ...(command.args.length === 0 ? [] : ['Arguments:', ...command.args.map(({ name, description }) => line(name, description)), '']),
    'Options:',
    ...rows.map(([flags, text]) => line(flags, text)),
    ...(command.name === '' ? [line('--version', 'print the version')] : []),
    ...(commands.length === 0
      ? []
      : ['', 'Commands:', ...commands.map(each => line(`${each.name}${argumentsOf(each)}`, each.description))]),
    '',
  ].join('\n')
}

/** `instar-refresh show <run> [script] [options]` */
export function usageOf(program: string, command: RefreshCommand): string {
  return `${program}${command.name === '' ? '' : ` ${command.name}`}${argumentsOf(command)} [options]`
}

/** `--phase <phase>` */
export function flagsOf({ name, value }: RefreshOption): string {
  return `--${name}${value === undefined ? '' : ` ${value}`}`
}

function rowOf(option: RefreshOption): readonly [string, string] {
  const choices = option.choices === undefined ? '' : ` (${option.choices.join(', ')})`
  const preset = option.default === undefined ? '' : ` (default: ${option.default})`
  return [flagsOf(option), `${option.description}${choices}${preset}`]
}

function argumentsOf({ args }: RefreshCommand): string {
  return args.map(({ name, required }) => (required ? ` <${name}>` : ` [${name}]`)).join('')
}

function line(left: string, right: string): string {
  return `  ${left.padEnd(COLUMN)}  ${right}`
}
