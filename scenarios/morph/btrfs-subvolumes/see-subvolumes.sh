#!/bin/sh
set -eu
awk -v at="$1/home" '$2 == at { n = split($4, options, ","); print "home is " options[n] }' /proc/mounts
