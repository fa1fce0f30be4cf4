import { parseArgs } from 'node:util'
import { InstarError } from '@instar/contract/errors'
import { REFRESH_COMMANDS, type RefreshCommand, type RefreshOption } from '@instar/contract/refresh'

/** Values of options by their long names, as they were written. */
export type Values = Readonly<Record<string, string | boolean | readonly string[] | undefined>>

export interface Arguments {
  readonly command: RefreshCommand
  readonly values: Values
  readonly positionals: readonly string[]
  readonly wantsHelp: boolean
}

/** The command line of `instar-refresh`; throws `usage.bad-argument`. */
export function parseArguments(argv: readonly string[]): Arguments {
  const named = REFRESH_COMMANDS.find(({ name }) => name !== '' && name === argv[0])
  const command = named ?? REFRESH_COMMANDS[0]!
  const words = named === undefined ? argv : argv.slice(1)
  const { values, positionals } = parseWords(command, words)
  const wantsHelp = values['help'] === true
  if (!wantsHelp) checkPositionals(command, positionals)
  return { command, values, positionals, wantsHelp }
}

/** What every option has unless it was given: the same for both programs. */
export function defaultsOf(command: RefreshCommand): Values {
  return Object.fromEntries(command.options.filter(option => option.default !== undefined).map(({ name, default: value }) => [name, value]))
}

function parseWords(command: RefreshCommand, words: readonly string[]): { values: Values; positionals: string[] } {
  try {
    const { values, positionals }: { values: Values; positionals: string[] } = parseArgs({
      args: [...words],
      options: {
        ...Object.fromEntries(command.options.map(option => [option.name, shapeOf(option)])),
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: true,
    })
    for (const option of command.options) checkChoice(option, values[option.name])
    return { values: { ...defaultsOf(command), ...values }, positionals }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new InstarError('usage.bad-argument', error.message.split('. ')[0] ?? error.message, { cause: undefined })
  }
}

function shapeOf(option: RefreshOption): { type: 'string' | 'boolean'; multiple?: boolean } {
  return { type: option.value === undefined ? 'boolean' : 'string', ...(option.repeatable === true ? { multiple: true } : {}) }
}

function checkChoice({ name, choices }: RefreshOption, value: unknown): void {
  if (choices === undefined || typeof value !== 'string' || choices.includes(value)) return
  throw new InstarError('usage.bad-argument', `--${name} is one of ${choices.join(', ')}, not "${value}"`)
}

function checkPositionals(command: RefreshCommand, positionals: readonly string[]): void {
  const missing = command.args.filter(({ required }) => required)[positionals.length]
  if (missing !== undefined) throw new InstarError('usage.bad-argument', `${command.name} needs <${missing.name}>: ${missing.description}`)
  const extra = positionals[command.args.length]
  if (extra === undefined) return
  const known = REFRESH_COMMANDS.map(({ name }) => name).filter(Boolean)
  throw new InstarError('usage.bad-argument', `unexpected argument "${extra}"; the commands are ${known.join(', ')}`)
}
