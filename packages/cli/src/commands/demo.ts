import { Option, type Command } from 'commander'
import type { Context } from '../context.ts'
import { addStartOptions, jsonOption, type StartOptions } from './options.ts'

export interface DemoOptions extends StartOptions {
  readonly luks?: boolean
  readonly service?: boolean
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
    .addOption(
      new Option('--service', 'by a throw-away service: two endpoints, a transfer executed twice, a deployment that boots').conflicts([
        'luks',
        'keep',
        'json',
      ]),
    )
  addStartOptions(command)
  command.addOption(jsonOption()).action(async (options: DemoOptions) => {
    if (options.service === true) {
      const { runServiceDemo } = await import('../demo/service-demo.ts')
      return finish(await runServiceDemo(context, options))
    }
    const { runDemo } = await import('../demo/run-demo.ts')
    finish(await runDemo(context, options))
  })
}
