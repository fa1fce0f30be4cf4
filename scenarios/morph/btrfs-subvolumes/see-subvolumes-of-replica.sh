#!/bin/sh
set -eu
findmnt -n -o SOURCE /
findmnt -n -o SOURCE /home
