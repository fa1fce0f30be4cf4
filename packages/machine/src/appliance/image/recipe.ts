/**
 * What the appliance is made of. Packages are only unpacked, never configured: no code of theirs runs on the host, and what their set-up
 * scripts would have made (users, alternatives) is in `FILES` and `LINKS`.
 */
export const SUITE = 'bookworm'

const PACKAGE_GROUPS = {
  // The kernel of Debian's cloud images has NVMe, ext4 and PVH built in, so it needs no initramfs.
  system: ['linux-image-cloud-amd64', 'kmod', 'perl-base', 'libc-bin', 'util-linux', 'util-linux-extra', 'bsdextrautils', 'mount', 'login'],
  shell: ['dash', 'bash', 'coreutils', 'findutils', 'grep', 'sed', 'gawk', 'diffutils', 'debianutils', 'hostname', 'file', 'less', 'jq'],
  processes: ['passwd', 'procps', 'psmisc', 'iproute2'],
  // For `instar shell` on a terminal: script(1) makes one in the appliance.
  terminal: ['bsdutils', 'ncurses-base'],
  archives: ['tar', 'cpio', 'gzip', 'bzip2', 'xz-utils', 'zstd', 'lz4', 'rsync', 'attr', 'acl'],
  layers: ['cryptsetup-bin', 'lvm2', 'dmsetup', 'thin-provisioning-tools', 'mdadm', 'kpartx', 'fdisk', 'gdisk', 'parted'],
  fileSystems: ['e2fsprogs', 'xfsprogs', 'btrfs-progs', 'ntfs-3g', 'dosfstools'],
  windows: ['chntpw'],
} as const

export const PACKAGES: readonly string[] = Object.values(PACKAGE_GROUPS).flat()

/** Left out when the packages are unpacked (dpkg's --path-exclude): text for people, and drivers of hardware that no appliance has. */
export const EXCLUDED_PATHS = [
  ...['doc', 'doc-base', 'man', 'info', 'locale', 'lintian', 'bug', 'common-licenses', 'bash-completion', 'zsh', 'pixmaps'].map(
    folder => `/usr/share/${folder}/*`,
  ),
  '/lib/udev/*',
  ...['sound', 'drivers/infiniband', 'drivers/net/ethernet', 'drivers/gpu', 'drivers/media', 'drivers/comedi', 'drivers/hid'].map(
    folder => `/lib/modules/*/kernel/${folder}/*`,
  ),
] as const

/** Loaded by the agent before it can be reached, with what they depend on: its channel, and its root in a snapshot. All others load on demand. */
export const BOOT_MODULES = ['virtio_pci', 'virtio_console', 'virtio_blk'] as const

export const AGENT_PATH = 'usr/lib/instar/agent'
export const MODULE_LIST_PATH = 'etc/instar/modules'

export const LINKS: Readonly<Record<string, string>> = {
  'usr/bin/awk': 'gawk',
  'usr/bin/which': 'which.debianutils',
  'usr/bin/pager': 'less',
  'etc/mtab': '../proc/self/mounts',
}

/** No udev: LVM scans /dev itself and makes its own nodes; no archive or backup of what a throw-away machine sees. */
const LVM_CONF = `devices { obtain_device_list_from_udev = 0
  external_device_info_source = "none"
  use_devicesfile = 0
  scan = [ "/dev" ] }
activation { udev_sync = 0
  udev_rules = 0
  monitoring = 0 }
global { use_lvmpolld = 0
  event_activation = 0 }
backup { backup = 0
  archive = 0 }
`

export const FILES: Readonly<Record<string, string>> = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
  'etc/group': 'root:x:0:\ntty:x:5:\ndisk:x:6:\nnogroup:x:65534:\n',
  'etc/shadow': 'root:*:19000:0:99999:7:::\n',
  'etc/hosts': '127.0.0.1 localhost appliance\n',
  'etc/hostname': 'appliance\n',
  'etc/resolv.conf': '',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n',
  'etc/fstab': '',
  'etc/lvm/lvm.conf': LVM_CONF,
}

export const FOLDERS = ['proc', 'sys', 'dev', 'run', 'tmp', 'mnt', 'root', 'home', 'var/lock', 'var/tmp', 'var/log'] as const
