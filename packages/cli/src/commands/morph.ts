import { Option, type Command } from 'commander'
import type { Context } from '../context.ts'
import {
  addImageOptions,
  addRootOption,
  addScriptOptions,
  addStartOptions,
  addTargetOptions,
  jsonOption,
  repeatable,
  type ImageOptions,
  type ScriptOptions,
  type StartOptions,
  type TargetOptions,
} from './options.ts'

export interface MorphOptions extends ImageOptions, ScriptOptions, TargetOptions, StartOptions {
  readonly secret?: string[]
  readonly output?: string[]
  readonly outputFormat?: 'raw' | 'qcow2' | 'vmdk' | 'vhdx' | 'vdi'
  readonly force?: boolean
  readonly keepOnError?: boolean
  readonly resume?: string
  readonly skipOsMorphing?: boolean
  readonly install?: string[]
  readonly remove?: string[]
  readonly network: 'keep' | 'dhcp'
  readonly nic?: string[]
  readonly root?: string
  readonly minion?: string
  readonly device?: string[]
  readonly sshConfig?: string
  readonly json?: boolean
}

/** `instar morph`. */
export function registerMorph(program: Command, context: Context, finish: (exitCode: number) => void): void {
  const command = program
    .command('morph')
    .description(
      'Runs the scripts of every phase on disk images and makes their OS fit its new platform. In place, unless --output is given; a failure leaves the images as they were.',
    )
  addImageOptions(command, 'optional')
  addScriptOptions(command)
  command.option('--secret <name=@file>', 'file that scripts find as $INSTAR_SECRETS_DIR/NAME; repeatable', repeatable)
  addTargetOptions(command)
  addResultOptions(command)
  addFittingOptions(command)
  addRootOption(command)
  addMinionOptions(command)
  addStartOptions(command)
  command.addOption(jsonOption()).action(async (images: string[], options: MorphOptions) => {
    const { runMorph } = await import('../morph/run-morph.ts')
    finish(await runMorph(context, images, options))
  })
}

function addResultOptions(command: Command): void {
  command
    .option('--output <file>', 'write a new image instead of changing the source; once for each image, in their order', repeatable)
    .addOption(
      new Option('--output-format <format>', 'format of new images (default: by the ending of their names)').choices([
        'raw',
        'qcow2',
        'vmdk',
        'vhdx',
        'vdi',
      ]),
    )
    .option('--force', 'replace files that --output names')
    .option('--keep-on-error', 'keep the work of a failed run, for --resume and instar shell')
    .option('--resume <run>', 'go on with a failed run from the script that failed; its options are taken over')
}

function addFittingOptions(command: Command): void {
  command
    .option('--skip-os-morphing', 'leave the OS as it is and register first-boot scripts only')
    .option('--install <package>', "install a package with the guest's own package manager; repeatable", repeatable)
    .option('--remove <package>', "remove a package with the guest's own package manager; repeatable", repeatable)
    .addOption(
      new Option('--network <policy>', 'keep the addresses of the guest, or set all its interfaces to DHCP')
        .choices(['keep', 'dhcp'])
        .default('keep'),
    )
    .option(
      '--nic <[old=]new>',
      'network card of the new machine: its MAC address, after the old one or the interface name; repeatable',
      repeatable,
    )
}

function addMinionOptions(command: Command): void {
  command
    .option('--minion <ssh://host>', 'use this machine, which already has the disks, instead of the appliance')
    .option('--device <device>', 'disk of the guest on the --minion machine; repeatable, boot disk first', repeatable)
    .option('--ssh-config <file>', "ssh configuration for --minion, instead of the user's own (ssh -F)")
}
