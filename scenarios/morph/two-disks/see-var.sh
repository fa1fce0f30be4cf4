#!/bin/sh
set -eu
echo "disks: $(echo "$INSTAR_DISKS" | wc -l)"
[ -s "$1/var/lib/dpkg/status" ]
