import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { addStartOptions, jsonOption, type StartOptions } from './options.ts'

export interface DemoOptions extends StartOptions {
  readonly luks?: boolean
  readonly keep?: string
  readonly json?: boolean
}

/** `instar demo`. */
export function registerDemo(program: Command, context: Context, finish: (exitCode: number) => void): void {
  const command = program
    .command('demo')
    .description('Builds a small real Debian guest, morphs it with a script in every phase, boots it, and shows what each script did.')
    .option('--luks', 'with an encrypted root that a pre-mount script unlocks')
    .option('--keep <file>', 'keep the morphed image as this file')
  addStartOptions(command)
  command.addOption(jsonOption()).action(async (options: DemoOptions) => {
    const { runDemo } = await import('../demo/run-demo.ts')
    finish(await runDemo(context, options))
  })
}
