# Runs one command for Instar on a minion. Arguments: ID, end|keep, folder to work in, then the command. Standard input, output and error are
# the command's. What is left of its processes after it has ended is listed in the file `left`, and ended unless it shall be kept.
id=$1 rule=$2 cwd=$3
shift 3
dir=/run/instar/ssh/$id
umask 077
mkdir -p "$dir" && mkfifo "$dir/out" "$dir/err" || exit 125
# Waits until all that is in a pipe is passed on: then its reader (dd) has ended, or waits in a read of descriptor 0. A process that holds
# the pipe and writes on holds nothing up for longer than ten seconds.
passed_on() {
  [ -e /proc/self/syscall ] || { sleep 0.5; return; }
  for round in 0 1 2 3 4 5 6 7 8 9; do
    for step in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
      read -r number at rest <"/proc/$1/syscall" || return
      [ "$at" != 0x0 ] || return
      sleep 0.05
    done
  done
} 2>/dev/null
# The shell gives what it starts with `&` an empty standard input, so the real one is kept aside.
exec 3<&0
dd bs=65536 <"$dir/out" 2>/dev/null 3<&- &
out=$!
dd bs=65536 <"$dir/err" >&2 2>/dev/null 3<&- &
err=$!
(
  umask 022
  enter_group "$id"
  # A stop that came before the command did.
  [ ! -e "$dir/stop" ] || exit 143
  cd "$cwd" || exit 125
  INSTAR_MARK=$id exec setsid "$@"
) <&3 3<&- >"$dir/out" 2>"$dir/err" &
main=$!
exec 3<&-
# The shell's own words about a signal are not the command's.
wait "$main" 2>/dev/null
code=$?
kept=
if [ "$rule" = keep ]; then
  for pid in $(marked "$id"); do
    printf '%s %s\n' "$pid" "$(tr '\0\n' '  ' <"/proc/$pid/cmdline")" && kept=1
  done >"$dir/left" 2>/dev/null
else
  end_marked "$id"
fi
passed_on "$out"
passed_on "$err"
if [ -n "$kept" ]; then
  # A closed pipe would end what is kept at its next word.
  INSTAR_MARK=$id setsid cat <"$dir/out" >/dev/null 2>&1 &
  INSTAR_MARK=$id setsid cat <"$dir/err" >/dev/null 2>&1 &
fi
kill "$out" "$err" 2>/dev/null
[ "$rule" = keep ] || rm -rf "$dir"
exit "$code"
