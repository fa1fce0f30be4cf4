import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { jsonOption } from './options.ts'

/** `instar doctor`. */
export function registerDoctor(program: Command, context: Context, finish: (exitCode: number) => void): void {
  program
    .command('doctor')
    .description(
      'Checks this machine: programs, versions, virtualisation, space. It starts the appliance, and builds it first where it is not there yet, which downloads packages. Exit code 1 when something that is needed is missing.',
    )
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { examineMachine } = await import('../doctor/examine.ts')
      finish(await examineMachine(context, options.json === true))
    })
}
