#!/bin/sh
set -eu
ls "$1"/boot/vmlinuz-* >/dev/null && echo 'kernel in /boot'
