import { createInterface } from 'node:readline'
import type { Machine } from '@instar/machine'
import { discoverStorage, loadKey, mountGuest, parseKey, prepareChroot } from '@instar/morph'
import type { ShellOptions } from '../commands/shell.ts'
import type { Context } from '../context.ts'
import { createEmitter } from '../morph/emitter.ts'
import { instanceName } from '../morph/instance-name.ts'
import { openMinion } from '../morph/open-minion.ts'
import { newRunId } from '../runs/run-id.ts'
import { createPlainView } from '../view/plain.ts'
import { runTerminal } from './run-terminal.ts'
import { openThrowAwayLayers } from './throw-away.ts'

const MOUNT_POINT = '/mnt/guest'

/** `instar shell`: a shell on the appliance with the guest mounted at /mnt/guest; without a terminal, commands one after the other. */
export async function openShell(context: Context, images: readonly string[], options: ShellOptions): Promise<number> {
  const { signal } = context
  const view = createPlainView(context.stderr)
  const { emit } = createEmitter(context, { id: newRunId(context.now()), instance: instanceName(options.name, images[0] ?? ''), view })
  await using source = await openThrowAwayLayers(context, { images, options, keptFirst: true })
  await using machine = await openMinion(context, { options, layers: source.layers, emit })
  const keys = await Promise.all((options.key ?? []).map(text => loadKey(parseKey(text), signal)))
  await using storage = await discoverStorage(machine, { disks: machine.devices, keys, signal, emit })
  await using guest = await mountGuest(machine, storage, {
    at: MOUNT_POINT,
    signal,
    emit,
    ...(options.root === undefined ? {} : { root: options.root }),
  })
  await prepareChroot(machine, { at: guest.at, devices: storage.devices }, signal)
  if (options.command !== undefined) return await runLine(context, machine, options.command)
  const layers =
    source.keptBy === undefined
      ? 'throw-away layers: nothing is kept'
      : `the layers of the failed run ${source.keptBy}: --resume goes on with what you change`
  context.stderr.write(`the guest is at ${MOUNT_POINT} ("chroot ${MOUNT_POINT}" enters it), on ${layers}. End with Ctrl-D.\n`)
  if (process.stdin.isTTY && context.stdout.isTerminal) return await runTerminal(context, machine, { cwd: MOUNT_POINT })
  return await readCommands(context, machine)
}

/** Gives the exit code of the last command. */
async function readCommands(context: Context, machine: Machine): Promise<number> {
  const { signal } = context
  let exitCode = 0
  for await (const line of createInterface({ input: process.stdin, terminal: false, signal })) {
    if (line.trim() !== '') exitCode = await runLine(context, machine, line)
  }
  // An interface that is cancelled ends as one whose input has ended.
  signal.throwIfAborted()
  return exitCode
}

async function runLine(context: Context, machine: Machine, line: string): Promise<number> {
  const result = await machine.run(['/bin/bash', '-c', line], {
    signal: context.signal,
    onStdout: piece => context.stdout.writeBytes(piece),
    onStderr: piece => context.stderr.writeBytes(piece),
  })
  return result.exitCode ?? 128
}
