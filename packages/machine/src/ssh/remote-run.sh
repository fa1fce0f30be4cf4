# Runs one command for Instar on a minion. Arguments: ID, end|keep, folder to work in, then the command. Standard input, output and error are the
# command's. Its processes carry INSTAR_MARK=ID; what is left of them after it has ended is listed in the file `left`, and ended unless kept.
id=$1 rule=$2 cwd=$3
shift 3
dir=/run/instar/ssh/$id
umask 077
mkdir -p "$dir" && mkfifo "$dir/out" "$dir/err" || exit 125
marked() { grep -lzx "INSTAR_MARK=$id" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3; }
end_marked() {
  for signal in TERM KILL; do
    for round in 1 2 3 4 5 6 7 8 9 10; do
      pids=$(marked)
      [ -n "$pids" ] || return 0
      kill -s "$signal" $pids 2>/dev/null
      sleep 0.2
    done
  done
}
# The shell gives what it starts with `&` an empty standard input, so the real one is kept aside.
exec 3<&0
cat "$dir/out" &
out=$!
cat "$dir/err" >&2 &
err=$!
(
  umask 022
  cd "$cwd" || exit 125
  INSTAR_MARK=$id exec setsid "$@"
) <&3 3<&- >"$dir/out" 2>"$dir/err" &
main=$!
exec 3<&-
# The shell's own words about a signal are not the command's.
wait "$main" 2>/dev/null
code=$?
for pid in $(marked); do
  printf '%s %s\n' "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline")"
done >"$dir/left"
if [ "$rule" = end ]; then
  end_marked
  wait "$out" "$err"
else
  # What is kept may hold the pipes open for ever: what is in them now is passed on, then they are let go.
  sleep 0.2
  kill "$out" "$err" 2>/dev/null
fi
if [ "$rule" = end ]; then rm -rf "$dir"; else rm -f "$dir/out" "$dir/err"; fi
exit "$code"
