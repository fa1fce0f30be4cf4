import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { addImageOptions, addRootOption, addStartOptions, type ImageOptions, type StartOptions } from './options.ts'

export interface ShellOptions extends ImageOptions, StartOptions {
  readonly root?: string
  readonly command?: string
}

/** `instar shell`. */
export function registerShell(program: Command, context: Context, finish: (exitCode: number) => void): void {
  const command = program
    .command('shell')
    .description(
      'A shell on the appliance with the images attached and the guest mounted: on the layers that a failed run kept last, where they still fit, else on throw-away ones. Where standard input is no terminal it gives commands, a line each.',
    )
  addImageOptions(command)
  addRootOption(command)
  addStartOptions(command)
  command.option('--command <text>', 'run this and end with its exit code').action(async (images: string[], options: ShellOptions) => {
    const { openShell } = await import('../inspect/open-shell.ts')
    finish(await openShell(context, images, options))
  })
}
