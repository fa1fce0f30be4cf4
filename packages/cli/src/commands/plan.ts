import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { addImageOptions, addScriptOptions, jsonOption, type ImageOptions, type ScriptOptions } from './options.ts'

export interface PlanOptions extends ImageOptions, ScriptOptions {
  readonly skipOsMorphing?: boolean
  readonly json?: boolean
}

/** `instar plan`. */
export function registerPlan(program: Command, context: Context): void {
  const command = program
    .command('plan')
    .description(
      'Shows which scripts would run where, in which order and from which source, and which would not, with the reason. Nothing is started and no image is opened.',
    )
  addImageOptions(command)
  addScriptOptions(command)
  command
    .option('--skip-os-morphing', 'as for instar morph')
    .addOption(jsonOption())
    .action(async (images: string[], options: PlanOptions) => {
      const { showPlan } = await import('../morph/show-plan.ts')
      await showPlan(context, images, options)
    })
}
