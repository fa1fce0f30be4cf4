import { InvalidArgumentError, Option, type Command } from 'commander'

/** For an option that may be given more than once: keeps all values in order. */
export function repeatable(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value]
}

/** For an option that takes a whole number of some unit. */
export function wholeNumber(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('It is a whole number.')
  return Number(value)
}

export const jsonOption = () => new Option('--json', 'one JSON object a line instead of text')

/** The options that say which machine the images are. */
export function addImageOptions(command: Command, images: 'required' | 'optional' = 'required'): Command {
  return command
    .argument(
      images === 'required' ? '<image...>' : '[image...]',
      'disk images of one machine (raw, qcow2, vmdk, vhdx, vdi), boot disk first',
    )
    .option('--name <name>', 'name of the machine (default: the first file without its ending)')
    .addOption(
      new Option('--format <format>', 'format of the images where it cannot be told from their content').choices([
        'raw',
        'qcow2',
        'vmdk',
        'vhdx',
        'vdi',
        'vpc',
      ]),
    )
    .option('--allow-backing <dir>', 'folder in which backing files may lie; repeatable', repeatable)
    .option('--key <selector:kind:value>', 'LUKS key: DEVICE|UUID|all, then file:PATH or text:TEXT; repeatable', repeatable)
}

export interface ImageOptions {
  readonly name?: string
  readonly format?: 'raw' | 'qcow2' | 'vmdk' | 'vhdx' | 'vdi' | 'vpc'
  readonly allowBacking?: string[]
  readonly key?: string[]
}

/** The options that name scripts. */
export function addScriptOptions(command: Command): Command {
  return command
    .option(
      '--script <path[,key=value...]>',
      'script of this machine; keys: phase, name, timeout, retries, on-failure, env.NAME; repeatable',
      repeatable,
    )
    .option('--user-scripts-dir <dir>', 'folder of scripts: DIR/<phase>/NN-name[.linux|.windows]')
    .option('--user-script-global <os=path[,phase=name]>', 'script for all machines of an OS type; repeatable', repeatable)
    .option('--user-script-instance <name=path[,phase=name]>', 'script for the machine of this name; repeatable', repeatable)
    .option('--merge', "run the global scripts first, then the machine's own (default: its own shadow them)")
}

export interface ScriptOptions {
  readonly script?: string[]
  readonly userScriptsDir?: string
  readonly userScriptGlobal?: string[]
  readonly userScriptInstance?: string[]
  readonly merge?: boolean
}

/** The options that say where the machine will run. */
export function addTargetOptions(command: Command): Command {
  return command
    .addOption(new Option('--bus <bus>', 'disk bus of the new platform').choices(['virtio', 'nvme', 'scsi', 'sata']).default('virtio'))
    .addOption(new Option('--firmware <firmware>', 'firmware of the new platform (default: that of the guest)').choices(['bios', 'uefi']))
}

export interface TargetOptions {
  readonly bus: 'virtio' | 'nvme' | 'scsi' | 'sata'
  readonly firmware?: 'bios' | 'uefi'
}

export interface StartOptions {
  readonly accel: 'auto' | 'kvm' | 'tcg'
  readonly memory?: number
}

/** In MiB. */
interface MemoryRange {
  readonly least: number
  readonly usual: number
}

/**
 * 64 MiB end in a panic of the appliance's kernel; with 72 to 88 it takes minutes for what it does in half a minute with 96 (a Debian 12 whose
 * initramfs is rebuilt, under emulation).
 */
const APPLIANCE_MEMORY: MemoryRange = { least: 96, usual: 512 }
/** There are systems that are content with so little. */
export const REPLICA_MEMORY: MemoryRange = { least: 16, usual: 1024 }

/** The options of commands that start a virtual machine: the appliance, unless its memory says otherwise. */
export function addStartOptions(command: Command, { least, usual } = APPLIANCE_MEMORY): Command {
  const memoryMiB = (value: string) => {
    const mib = wholeNumber(value)
    if (mib >= least) return mib
    throw new InvalidArgumentError(`${mib} MiB are too few for it to work; the least is ${least}. Leave it out for the usual ${usual}.`)
  }
  return command
    .addOption(
      new Option('--accel <accel>', 'virtualisation: KVM where it truly works, else emulation')
        .choices(['auto', 'kvm', 'tcg'])
        .default('auto'),
    )
    .option('--memory <MiB>', `memory of the virtual machine, at least ${least} (default: ${usual})`, memoryMiB)
}

export function addRootOption(command: Command): Command {
  return command.option('--root <device>', 'root file system, where several could be it (a device of the minion, or UUID=...)')
}
