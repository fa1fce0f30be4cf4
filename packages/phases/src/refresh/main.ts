import { once } from 'node:events'
import { constants } from 'node:os'
import { join } from 'node:path'
import { InstarError } from '@instar/contract/errors'
import type { RefreshIo } from './command/io.ts'
import { perform } from './command/perform.ts'

// `instar-refresh`: `instar refresh` for a host without Instar, in one file. The only place here that reads the environment and handles signals.

const cancel = new AbortController()
let signalName: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | undefined
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    // A second one ends us at once; the journal then tells of an interrupted run, and the next run ends what is left.
    if (signalName !== undefined) process.exit(128 + constants.signals[name])
    signalName = name
    cancel.abort(new InstarError('internal.cancelled', `cancelled by ${name}`))
  })
}
// A reader that has gone, or a full disk behind it, does not stop the work: the journal has everything.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

async function main(): Promise<void> {
  const io: RefreshIo = {
    environment: process.env,
    stateDir: stateDir(process.env, process.getuid?.() ?? 0),
    signal: cancel.signal,
    now: () => new Date(),
    stdout: {
      write: text => void process.stdout.write(text),
      writeBytes: async bytes => {
        if (!process.stdout.write(bytes)) await once(process.stdout, 'drain')
      },
      isTerminal: process.stdout.isTTY,
    },
    programFile: process.argv[1] ?? '',
  }
  const exitCode = await perform(process.argv.slice(2), io, text => void process.stderr.write(text))
  process.exitCode = signalName === undefined || exitCode === 0 ? exitCode : 128 + constants.signals[signalName]
}

/** As in Instar itself: `INSTAR_STATE_DIR`, else the system's folder for root and the XDG one for others. */
function stateDir(environment: NodeJS.ProcessEnv, uid: number): string {
  if (environment['INSTAR_STATE_DIR'] !== undefined) return environment['INSTAR_STATE_DIR']
  if (uid === 0) return '/var/lib/instar'
  return join(environment['XDG_STATE_HOME'] ?? join(environment['HOME'] ?? '/', '.local/state'), 'instar')
}

void main()
