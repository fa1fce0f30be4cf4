/** Builders that write an image to a path of ours and can be told to look at no hardware. */
export type RebuildTool = 'initramfs-tools' | 'dracut' | 'mkinitcpio' | 'mkinitfs' | 'mkinitrd'

export interface RebuildCommand {
  /** In the guest's chroot. */
  readonly argv: readonly string[]
  /** Files and copies to make before, in the guest: for a configuration of our own beside the guest's. */
  readonly prepare: readonly RebuildPreparation[]
}

export type RebuildPreparation =
  | { readonly kind: 'copy-folder'; readonly from: string; readonly to: string }
  | { readonly kind: 'append'; readonly path: string; readonly text: string }

interface CommandInput {
  readonly version: string
  readonly kernelImage: string
  readonly output: string
  /** A folder of ours in the guest, removed afterwards. */
  readonly scratch: string
  /** Modules that exist for this kernel. */
  readonly modules: readonly string[]
  /** Features that Alpine's mkinitfs.conf names. */
  readonly alpineFeatures?: readonly string[]
}

/** The ways to ask a tool for a generic image, best first: older releases do not know all options. */
export function rebuildCommands(tool: RebuildTool, input: CommandInput): RebuildCommand[] {
  const { version, output, modules, scratch, kernelImage } = input
  switch (tool) {
    case 'initramfs-tools': {
      const conf = `${scratch}/initramfs-tools`
      const prepare: RebuildPreparation[] = [
        { kind: 'copy-folder', from: '/etc/initramfs-tools', to: conf },
        // Read last, so it wins over driver-policy: "dep" would walk the minion's /sys.
        { kind: 'append', path: `${conf}/conf.d/zz-instar`, text: 'MODULES=most\n' },
        { kind: 'append', path: `${conf}/modules`, text: modules.map(name => `${name}\n`).join('') },
      ]
      return [{ argv: ['mkinitramfs', '-d', conf, '-o', output, version], prepare }]
    }
    case 'dracut': {
      const drivers = modules.length === 0 ? [] : ['--add-drivers', modules.join(' ')]
      const plain = ['dracut', '--force', ...drivers]
      return [
        { argv: [...plain, '--no-hostonly', '--no-hostonly-cmdline', output, version], prepare: [] },
        { argv: [...plain, '--no-hostonly', output, version], prepare: [] },
        // dracut 004 of RHEL 6 is generic unless told otherwise.
        { argv: [...plain, output, version], prepare: [] },
      ]
    }
    case 'mkinitcpio':
      return [{ argv: ['mkinitcpio', '-k', version, '-g', output, '-S', 'autodetect'], prepare: [] }]
    case 'mkinitfs': {
      const features = [
        ...new Set([...(input.alpineFeatures ?? ['base', 'ext4', 'keymap', 'kms', 'mmc']), 'ata', 'nvme', 'scsi', 'virtio']),
      ]
      return [{ argv: ['mkinitfs', '-F', features.join(' '), '-o', output, version], prepare: [] }]
    }
    case 'mkinitrd':
      return [
        { argv: ['mkinitrd', '-k', kernelImage, '-i', output, '-m', modules.join(' ')], prepare: [] },
        { argv: ['mkinitrd', '-f', ...modules.map(name => `--with=${name}`), output, version], prepare: [] },
      ]
    default:
      return tool satisfies never
  }
}
