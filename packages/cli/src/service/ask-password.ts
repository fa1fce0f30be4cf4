import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { InstarError } from '@instar/contract/errors'
import type { Context } from '../context.ts'

/** Asks for a password on the terminal, without showing it; refused where nobody can be asked. */
export async function askPassword(context: Context, question: string): Promise<string> {
  if (!process.stdin.isTTY || !context.stderr.isTerminal) {
    throw new InstarError('usage.no-session', 'no password is given, and there is no terminal to ask for it', {
      hint: 'Set OS_PASSWORD, or give --os-password.',
    })
  }
  context.stderr.write(question)
  // What is typed is echoed here, to nowhere.
  const nowhere = new Writable({ write: (_piece, _encoding, done) => done() })
  const line = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  try {
    return await line.question('', { signal: context.signal })
  } finally {
    line.close()
    context.stderr.write('\n')
  }
}
