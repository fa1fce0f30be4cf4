#!/bin/sh
set -eu
for disk in $INSTAR_DISKS; do
  cryptsetup open --key-file "$INSTAR_SECRETS_DIR/luks" "$disk"p3 root
done
echo opened
