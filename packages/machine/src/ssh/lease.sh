# Holds a minion for one run of Instar. Standard input: a byte from time to time for as long as the run lives. When it ends or stays away,
# however the run or the connection ended, all that the run left on the machine is taken away. What a killed lease left, the next takes away.
# /run itself is locked: a lock file of our own would be one more thing to leave.
umask 077
trap '' HUP INT PIPE
beat_s=60
lock_wait_s=15

# What stands on the disks of the guest, from the top. Nothing but guests' disks is ever written into the list.
close_layers() {
  [ -e /run/instar/devices ] || return
  for round in 1 2 3 4 5; do
    layers=$(while read -r device; do lsblk -n -r -p -o NAME,TYPE,MOUNTPOINT "$device" | tail -n +2; done </run/instar/devices | grep -v ' part $' | tac)
    [ -n "$layers" ] || return
    echo "$layers" | while read -r name type point; do
      case $point in '') ;; '[SWAP]') swapoff "$name" ;; *) umount --all-targets "$name" ;; esac
      case $type in part | disk) ;; raid*) mdadm --stop "$name" ;; *) dmsetup remove --retry "$name" ;; esac
    done
  done
}
clean() {
  end_marked ''
  for at in /mnt/instar-* /run/instar-look-*/*; do
    [ ! -d "$at" ] || umount -R "$at" || umount -R -l "$at"
    rmdir "$at"
  done
  rmdir /run/instar-look-*
  close_layers
  umount -R /run/instar || umount -R -l /run/instar
  rm -rf --one-file-system /run/instar /tmp/instar-packages.* /tmp/instar-overlay-*
} >/dev/null 2>&1 </dev/null

exec 9</run
flock -w "$lock_wait_s" 9 || { echo 'instar: busy'; exit 0; }
clean
# systemd mounts /run with noexec, and the scripts are run from here. Memory, so that secrets are on no disk.
mkdir /run/instar && mount -t tmpfs -o mode=0700,nosuid,nodev instar /run/instar && mkdir /run/instar/ssh && echo 'instar: ready'
while [ -n "$(timeout "$beat_s" head -c 1 9<&-)" ]; do :; done
clean
