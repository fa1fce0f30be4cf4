#!/bin/sh
# Runs the scripts that Instar registered for a machine's first boot, each once, and tells the outside what they did. Places, formats and
# limits: docs/reference/first-boot.md. Made for dash, bash and busybox ash; a tool that is missing is done without, and the result says so.
#
# The order of things is what makes it safe: a script starts only after the disk holds a record that says so, and whatever is found
# "running" at a boot was cut off. So each boot uses up a boot, each start uses up an attempt, and nothing can go round for ever.
#
# Every path starts with $root, which only tests set; processes alone are always those of /proc.
set -u
umask 077
root=${INSTAR_FIRSTBOOT_TEST_ROOT-}
base=$root/var/lib/instar/firstboot
volatile=$root/run/instar/firstboot
secrets=$volatile/secrets
PATH=$root/usr/local/sbin:$root/usr/local/bin:$root/usr/sbin:$root/usr/bin:$root/sbin:$root/bin
LC_ALL=C HOME=${HOME:-/root}
export PATH LC_ALL HOME
cd "$root/" || exit 1

part=2097152      # bytes of a stream's first part, and of each of its two last parts
sink_limit_s=10   # a console or port that takes no line within this time is left alone
grace_s=5         # between TERM and KILL when a script's time is over
left_rounds=10    # of 0.2 s, between TERM and KILL for what a script leaves running
output_wait_s=5   # for the end of output that a process of others holds open
output_bytes=4096 # of output in a result

say() { printf 'instar-firstboot: %s\n' "$1"; }
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }
has() { command -v "$1" >/dev/null 2>&1; }
number() { case $1 in '' | *[!0-9]* | 0?* | ????????????????*) echo "$2" ;; *) echo "$1" ;; esac; } # VALUE DEFAULT
nap() { sleep 0.2 2>/dev/null || sleep 1; }
size_of() { if [ -f "$1" ]; then echo $(($(wc -c <"$1"))); else echo 0; fi; }

system() { # TOOL ARGUMENT...: a tool that touches the whole machine, by its path: a busybox shell has its own, whatever PATH says
  tool=$1
  shift
  for folder in /usr/bin /bin /usr/sbin /sbin; do
    [ ! -x "$root$folder/$tool" ] || { "$root$folder/$tool" "$@" && return 0; }
  done
  return 1
}

uptime_s() {
  read -r uptime _ <"$root/proc/uptime"
  echo "${uptime%%.*}"
}
