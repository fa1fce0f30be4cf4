import { Option, type Command } from 'commander'
import type { Context } from '../context.ts'
import {
  addImageOptions,
  addStartOptions,
  jsonOption,
  REPLICA_MEMORY,
  repeatable,
  wholeNumber,
  type ImageOptions,
  type StartOptions,
} from './options.ts'

export interface BootOptions extends ImageOptions, StartOptions {
  readonly bus: 'virtio' | 'nvme'
  readonly firmware: 'bios' | 'uefi'
  readonly timeout: number
  readonly until?: string
  readonly network: 'none' | 'user'
  readonly answer?: string[]
  readonly secret?: string[]
  readonly quiet?: boolean
  readonly json?: boolean
}

const DEFAULT_TIMEOUT_S = 600

/** `instar boot`. */
export function registerBoot(program: Command, context: Context, finish: (exitCode: number) => void): void {
  const command = program
    .command('boot')
    .description(
      'Boots the images in QEMU on a throw-away layer and waits for the first-boot results or a text on the console. Exit code 0 when it came up and every first-boot script succeeded, 1 when it did not come up, 4 when a script failed, 5 at the time limit.',
    )
  addImageOptions(command)
  addStartOptions(command, REPLICA_MEMORY)
  command
    .addOption(new Option('--bus <bus>', 'bus of the disks').choices(['virtio', 'nvme']).default('virtio'))
    .addOption(new Option('--firmware <firmware>', 'firmware of the machine').choices(['bios', 'uefi']).default('bios'))
    .option('--timeout <seconds>', 'time limit', wholeNumber, DEFAULT_TIMEOUT_S)
    .option('--until <text>', 'wait for this text on the console instead of the first-boot results')
    .addOption(new Option('--network <kind>', 'network of the machine').choices(['none', 'user']).default('none'))
    .option('--answer <prompt=@file>', 'type the content of a file when the console shows this text; repeatable', repeatable)
    .option('--secret <name=@file>', 'file whose content is masked in all that is printed; repeatable', repeatable)
    .option('--quiet', 'do not print the console')
    .addOption(jsonOption())
    .action(async (images: string[], options: BootOptions) => {
      const { bootImages } = await import('../boot/boot-images.ts')
      finish(await bootImages(context, images, options))
    })
}
