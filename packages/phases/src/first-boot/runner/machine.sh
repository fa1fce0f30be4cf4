# What the machine is like.

boot_disk() { # name of the disk that holds /
  number='' source=''
  while read -r _ _ device _ point _; do [ "$point" != / ] || number=$device; done <"$root/proc/self/mountinfo"
  while read -r device point _; do [ "$point" != / ] || source=$device; done <"$root/proc/mounts"
  path=$(readlink -f "$root/sys/dev/block/$number")
  # btrfs and overlays have numbers of their own
  [ -d "$path" ] || path=$(readlink -f "$root/sys/class/block/${source##*/}")
  depth=0
  while [ "$depth" -lt 8 ]; do
    depth=$((depth + 1))
    for slave in "$path"/slaves/*; do break; done
    [ -e "$slave" ] || break
    path=$(readlink -f "$slave")
  done
  [ ! -e "$path/partition" ] || path=${path%/*}
  [ ! -d "$path" ] || echo "${path##*/}"
} 2>/dev/null

list_disks() { # one device a line, the boot disk first
  boot=$(boot_disk)
  [ -z "$boot" ] || echo "/dev/$boot"
  for block in "$root"/sys/block/*; do
    name=${block##*/}
    case $name in "$boot" | loop* | ram* | zram* | dm-* | md* | sr* | fd*) continue ;; esac
    [ "$(cat "$block/size" 2>/dev/null)" = 0 ] || [ ! -e "$block" ] || echo "/dev/$name"
  done
}

reboot_machine() { # does not come back, unless there is no way to reboot
  sync
  for command in 'systemctl --no-block reboot' reboot 'shutdown -r now' 'reboot -f'; do
    # shellcheck disable=SC2086
    limited 60 system $command && say "reboot for script $order" && leave 0
  done
  say 'cannot reboot: going on without'
  wants_reboot=no
}

mounted_type() { # PATH: type of the file system that holds it
  best='' type=''
  while read -r _ point file_system _; do
    case $1/ in "${point%/}"/*) [ "${#point}" -lt "${#best}" ] || best=$point type=$file_system ;; esac
  done <"$root/proc/mounts"
  echo "$type"
}

may_reboot() {
  if [ "$boots" -ge "$max_boots" ]; then
    add_note 'reboot not done: no boots left'
    [ "$order" = "$count" ] || reason="boot cap of $max_boots reached"
    return 1
  fi
  case $(mounted_type /var/lib/instar/firstboot) in
    tmpfs | ramfs | rootfs | overlay | aufs) add_note 'reboot not done: records would not outlive it' && return 1 ;;
  esac
}

find_sinks() { # the serial consoles, else the console; and our virtio ports
  names=$(cat "$root/sys/class/tty/console/active" 2>/dev/null)
  cmdline=$(cat "$root/proc/cmdline" 2>/dev/null)
  for word in $cmdline; do
    case $word in console=*) word=${word#console=} && names="$names ${word%%,*}" ;; esac
  done
  grep -q '^0: uart:[^u]' "$root/proc/tty/driver/serial" 2>/dev/null && names="$names ttyS0"
  sinks=''
  for name in $names; do
    case $name in tty | tty[0-9]* | */* | null | ttynull) continue ;; esac
    case "$sinks " in *"/dev/$name "*) continue ;; esac
    [ -e "$root/dev/$name" ] && sinks="$sinks $root/dev/$name"
  done
  [ -n "$sinks" ] || sinks=" $root/dev/console"
  for name in "$root"/sys/class/virtio-ports/*/name; do
    [ "$(cat "$name" 2>/dev/null)" = org.instar.firstboot ] || continue
    name=${name%/name}
    [ -e "$root/dev/${name##*/}" ] && sinks="$sinks port:$root/dev/${name##*/}"
  done
}
