/** Files of an image that say what it waits for, loads or blocks (morphing reference 4.2, point 7). */
const KEPT = [
  /^etc\/cmdline(\.d\/.*\.conf)?$/,
  /^(etc|cryptroot)\/crypttab$/,
  /^etc\/(fstab|fstab\.empty|modules|initrd-release|mdadm\.conf|multipath\.conf)$/,
  /^etc\/(mdadm|multipath|lvm|modules-load\.d|modprobe\.d|udev\/rules\.d)\//,
  /^conf\//,
  /^(usr\/)?lib\/modprobe\.d\//,
  /^(usr\/)?lib\/modules\/[^/]+\/modules\.(dep|alias|builtin|softdep|order)$/,
  /^(usr\/)?lib\/dracut\//,
  /hooks\/.*\/devexists-[^/]*\.sh$/,
]

export function isKeptFile(path: string): boolean {
  return KEPT.some(pattern => pattern.test(path))
}
