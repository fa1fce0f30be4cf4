import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { InstarError } from '@instar/contract/errors'
import type { Context } from '../context.ts'

/** Asks for a password on the terminal, without showing it; refused, with the hint, where nobody can be asked or nobody answers. */
export async function askPassword(context: Context, question: string, hint: string): Promise<string> {
  if (!process.stdin.isTTY || !context.stderr.isTerminal) {
    throw new InstarError('usage.no-session', 'no password is given, and there is no terminal to ask for it', { hint })
  }
  // What is typed is echoed here, to nowhere.
  const nowhere = new Writable({ write: (_piece, _encoding, done) => done() })
  // Before the question, at which an answer may come at once: from here on the terminal itself echoes nothing, and Ctrl-C is no signal.
  const line = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  line.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  context.stderr.write(question)
  try {
    return await line.question('', { signal: context.signal })
  } catch (cause) {
    context.signal.throwIfAborted()
    throw new InstarError('usage.no-session', 'the question for the password was left without an answer', { cause, hint })
  } finally {
    line.close()
    context.stderr.write('\n')
  }
}
