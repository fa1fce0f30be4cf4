import { InstarError } from '@instar/contract'
import type { GuestTree } from '../tree/guest-tree.ts'
import type { Outcome } from './outcome.ts'
import { newOutcome } from './outcome.ts'

interface ReportRule {
  readonly glob: string
  readonly pattern: RegExp
  readonly means: string
  readonly weight: 'degraded' | 'harmless'
}

const DISK = String.raw`\/dev\/(?:sd[a-z]|hd[a-z]|vd[a-z]|xvd[a-z]|nvme\d|cciss\/|disk\/by-(?:id|path)\/(?!dm-|lvm-|md-))`
const naming = (before: string) => new RegExp(`^(?![ \\t]*[#;]).*${before}${DISK}`, 'm')

/** Files that may name the source's hardware but that only their owner can change rightly. */
const RULES: readonly ReportRule[] = [
  { glob: '/etc/smartd.conf', pattern: naming(''), means: 'smartd watches disks that are not there', weight: 'harmless' },
  {
    glob: '/etc/smartmontools/smartd.conf',
    pattern: naming(''),
    means: 'smartd watches disks that are not there',
    weight: 'harmless',
  },
  { glob: '/etc/hdparm.conf', pattern: naming(''), means: 'hdparm settings for disks that are not there', weight: 'harmless' },
  { glob: '/etc/sysconfig/rawdevices', pattern: naming(''), means: 'raw devices bound to disks of the old platform', weight: 'degraded' },
  { glob: '/etc/auto.*', pattern: naming('\\s:'), means: 'an automount map names a disk of the old platform', weight: 'degraded' },
  {
    glob: '/etc/udev/rules.d/*.rules',
    pattern: /^(?![ \t]*#).*\bID_(?:SERIAL|WWN|PATH)\w*\}?[ \t]*==|^(?![ \t]*#).*RESULT[ \t]*==[ \t]*"[0-9a-f]{16,}/m,
    means: 'a rule tells disks by serial, WWN or address of the old platform (Oracle ASM and raw disks do so)',
    weight: 'degraded',
  },
  {
    glob: '/var/cache/debconf/config.dat',
    pattern: /^Name: grub-(?:pc|efi-\w+)\/install_devices\nTemplate: [^\n]*\nValue: \/dev\/disk\/by-id\//m,
    means: 'the next upgrade of GRUB asks where to install, as the disk it remembers is gone (dpkg-reconfigure grub-pc)',
    weight: 'degraded',
  },
  {
    glob: '/etc/iscsi/initiatorname.iscsi',
    pattern: /^InitiatorName=/m,
    means: 'an iSCSI initiator is set up; its targets must be reachable',
    weight: 'harmless',
  },
  {
    glob: '/etc/X11/xorg.conf',
    pattern: /^[ \t]*Driver[ \t]+"(?:vmware|vboxvideo|fbdev)"/m,
    means: 'the display driver is that of the old platform',
    weight: 'degraded',
  },
]

/** Warns of files that name the source's hardware and are left alone. */
export function reportForeignNames(tree: GuestTree): Outcome {
  const outcome = newOutcome()
  for (const { glob, pattern, means, weight } of RULES) {
    for (const path of tree.glob(glob)) {
      if (pattern.test(readSmall(tree, path))) outcome.warnings.push({ path, message: means, weight })
    }
  }
  return outcome
}

/** A file that is too large to be read is not worth a failed morph here: nothing is changed in it. */
function readSmall(tree: GuestTree, path: string): string {
  try {
    return tree.read(path) ?? ''
  } catch (error) {
    if (error instanceof InstarError && error.code === 'guest.too-large') return ''
    throw error
  }
}
