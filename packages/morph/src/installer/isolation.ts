/**
 * Prepares the guest's root in namespaces of its own and goes on as the command. Arguments: the root, then overlays as `bind|run FILE AT`,
 * then `--` and the command. A mount point that is missing or a link ends it (96): a mount would follow the link out of the guest.
 * /dev and /sys stay where `prepareChroot` made them (the guest's disks only, firmware hidden); /proc, /run and /tmp are always new.
 */
const PREPARE = `
root=$1
shift
for name in proc sys dev run tmp; do
  if [ -L "$root/$name" ] || [ ! -d "$root/$name" ]; then
    echo "instar: /$name of the guest is no folder" >&2
    exit 96
  fi
done
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
if ! mountpoint -q "$root/sys"; then
  mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
  if [ -d "$root/sys/firmware" ]; then mount -t tmpfs -o ro,size=4k tmpfs "$root/sys/firmware"; fi
fi
if ! mountpoint -q "$root/dev"; then mount --rbind /dev "$root/dev"; fi
mkdir -p "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o nosuid,nodev,mode=0755 tmpfs "$root/run"
mkdir -m 1777 "$root/run/lock"
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$root/tmp"
while [ "$1" != -- ]; do
  case $1 in
    bind) mount --bind "$2" "$root$3" ;;
    run)
      mkdir -p "$(dirname "$root$3")"
      cp -p "$2" "$root$3"
      ;;
  esac
  shift 3
done
shift
exec "$@"
`

export interface IsolatedCommand {
  /** The mounted guest on the minion. */
  readonly root: string
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly overlays: readonly { readonly how: 'bind' | 'run'; readonly file: string; readonly at: string }[]
  readonly hasNetwork: boolean
}

/**
 * The command line that runs a program of the guest in its root: own mount, process, IPC and host-name namespaces, no network unless asked,
 * no variable of the minion. What it starts ends with it, as the process namespace does.
 */
export function isolate({ root, argv, env, overlays, hasNetwork }: IsolatedCommand): string[] {
  const clean = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', TERM: 'dumb', LC_ALL: 'C', ...env }
  return [
    'unshare',
    '--mount',
    '--propagation=private',
    '--pid',
    '--fork',
    '--kill-child=KILL',
    '--ipc',
    '--uts',
    ...(hasNetwork ? [] : ['--net']),
    '/bin/sh',
    '-euc',
    PREPARE,
    'instar-packages',
    root,
    ...overlays.flatMap(({ how, file, at }) => [how, file, at]),
    '--',
    'env',
    '-i',
    ...Object.entries(clean).map(([name, value]) => `${name}=${value}`),
    'chroot',
    root,
    ...argv,
  ]
}
