import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { addImageOptions, addRootOption, addStartOptions, jsonOption, type ImageOptions, type StartOptions } from './options.ts'

export interface InspectOptions extends ImageOptions, StartOptions {
  readonly root?: string
  readonly json?: boolean
}

/** `instar inspect`. */
export function registerInspect(program: Command, context: Context): void {
  const command = program
    .command('inspect')
    .description('Shows what is on the images: storage, OS, boot loader, kernels. The images are opened read-only.')
  addImageOptions(command)
  addRootOption(command)
  addStartOptions(command)
  command.addOption(jsonOption()).action(async (images: string[], options: InspectOptions) => {
    const { inspectImages } = await import('../inspect/inspect-images.ts')
    await inspectImages(context, images, options)
  })
}
