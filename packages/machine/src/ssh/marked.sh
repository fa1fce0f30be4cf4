# Finding and ending the processes of a command on a minion; an empty ID means those of all commands. They are in a control group of
# their own (version 2), or carry INSTAR_MARK=ID in their environment where the kernel has no such groups.
groups=/sys/fs/cgroup
group_of() { echo "$groups/instar-$1"; }
enter_group() {
  [ -e "$groups/cgroup.controllers" ] && mkdir "$(group_of "$1")" 2>/dev/null && echo 0 >"$(group_of "$1")/cgroup.procs"
} 2>/dev/null
marked() {
  if [ -n "$1" ] && [ -e "$(group_of "$1")/cgroup.procs" ]; then
    cat "$(group_of "$1")/cgroup.procs"
  else
    [ -n "$1" ] || cat "$groups"/instar-*/cgroup.procs
    grep -lz "^INSTAR_MARK=$1" /proc/[0-9]*/environ | cut -d/ -f3
  fi 2>/dev/null | sort -un
}
# SIGTERM once, two seconds later SIGKILL until they are gone; two more seconds at most.
end_marked() {
  for round in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    pids=$(marked "$1")
    [ -n "$pids" ] || break
    if [ "$round" -eq 1 ]; then kill -s TERM $pids; elif [ "$round" -gt 10 ]; then kill -s KILL $pids; fi
    sleep 0.2
  done 2>/dev/null
  rmdir "$groups"/instar-${1:-*} 2>/dev/null
}
