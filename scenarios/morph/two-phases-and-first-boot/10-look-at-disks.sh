#!/bin/sh
# Nothing is mounted yet: there is no root to be given, only disks.
set -eu
echo "root: '$1'"
for disk in $INSTAR_DISKS; do
  [ -b "$disk" ]
  blkid -p "$disk"p2
done
