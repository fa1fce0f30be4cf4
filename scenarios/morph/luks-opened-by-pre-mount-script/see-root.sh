#!/bin/sh
set -eu
awk -v at="$1" '$2 == at { print $1 }' /proc/mounts
