import type { Command } from 'commander'
import addCompletion from '@bomb.sh/tab/commander'
import type { Context } from '../context.ts'
import { BASH_COMPLETION } from './bash-completion.ts'

/** `instar complete SHELL` prints what a shell loads; that asks by `instar complete -- WORDS` what may come next. */
export async function complete(program: Command, { argv, stdout }: Context): Promise<void> {
  if (argv[1] === 'bash') return stdout.write(BASH_COMPLETION)
  addCompletion(program)
  await program.parseAsync([...argv], { from: 'user' })
}
