import type { Command } from 'commander'
import type { Context } from '../context.ts'
import type { InspectOptions } from './inspect.ts'
import { addImageOptions, addRootOption, addStartOptions, addTargetOptions, jsonOption, type TargetOptions } from './options.ts'

export type CheckOptions = InspectOptions & TargetOptions

/** `instar check`. */
export function registerCheck(program: Command, context: Context, finish: (exitCode: number) => void): void {
  const command = program
    .command('check')
    .description(
      'Tells whether the images as they are will boot on the new platform, and if not why. Read-only. Exit code 1 when they will not.',
    )
  addImageOptions(command)
  addTargetOptions(command)
  addRootOption(command)
  addStartOptions(command)
  command.addOption(jsonOption()).action(async (images: string[], options: CheckOptions) => {
    const { checkImages } = await import('../inspect/check-images.ts')
    finish(await checkImages(context, images, options))
  })
}
