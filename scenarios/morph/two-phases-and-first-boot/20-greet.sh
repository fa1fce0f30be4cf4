#!/bin/sh
set -eu
root=$1
. "$root/etc/os-release"
echo "$PRETTY_NAME at $root"
echo 'moved by Instar' > "$root/etc/motd"
echo 'greeting written' >&2
