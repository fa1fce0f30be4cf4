import { Command } from 'commander'
import { InstarError } from '@instar/contract/errors'

/** A command whose usage errors, commander's own, are thrown like all others: with a code, and a hint that names its help. */
export class UsageCommand extends Command {
  override createCommand(name?: string): UsageCommand {
    return new UsageCommand(name)
  }

  override error(message: string): never {
    const said = message.replace(/^error: /, '').replace(/\n\(Did you mean (.*)\?\)$/, '; did you mean $1?')
    throw new InstarError('usage.bad-argument', said, { hint: `See ${wordsOf(this).join(' ')} --help.` })
  }
}

function wordsOf(command: Command): string[] {
  return [...(command.parent === null ? [] : wordsOf(command.parent)), command.name()]
}
