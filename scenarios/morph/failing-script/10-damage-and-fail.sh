#!/bin/sh
rm -rf "$1/etc" "$1/boot"
sync
echo 'about to fail'
echo 'the reason' >&2
exit 3
