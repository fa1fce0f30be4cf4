# The processes of a script, and time limits.

processes() { # of every process a line: pid session state start
  for stat in /proc/[0-9]*/stat; do
    read -r line <"$stat" || continue
    pid=${line%% *}
    # shellcheck disable=SC2086 # fields after the name, which may hold anything
    set -- ${line##*) }
    echo "$pid $4 $1 ${20}"
  done 2>/dev/null
}

start_of() { # PID: when it was started, in ticks since the boot
  read -r line <"/proc/$1/stat"
  # shellcheck disable=SC2086
  set -- ${line##*) }
  echo "${20}"
}

cgroup_members() { # of our own unit's control group, if we are in one
  while IFS=: read -r _ _ path; do
    case $path in *instar-firstboot*) ;; *) continue ;; esac
    for mount in '' /unified /systemd /openrc; do
      [ -r "/sys/fs/cgroup$mount$path/cgroup.procs" ] && cat "/sys/fs/cgroup$mount$path/cgroup.procs"
    done
  done </proc/self/cgroup
}

leftovers() { # pids of the script's processes: by its session, by our control group, by the mark in their environment
  members=$(cgroup_members 2>/dev/null | tr '\n' ' ')
  processes | while read -r pid its_session its_state start; do
    # Session 0 are the kernel's threads.
    case $its_session/$its_state in 0/* | */Z | */X) continue ;; esac
    if [ "$its_session" = "$session" ]; then echo "$pid" && continue; fi
    # What shares our own session is ourselves and our helpers.
    case " $members" in *" $pid "*) [ "$its_session" = "$own_session" ] || { echo "$pid" && continue; } ;; esac
    [ "$start" -lt "$since" ] || ! has_mark "$pid" || echo "$pid"
  done
}

# Not by grep alone: busybox's sees nothing after the first NUL.
has_mark() { tr '\0' '\n' <"/proc/$1/environ" | grep -qxF "INSTAR_FIRSTBOOT_MARK=$mark"; } 2>/dev/null

send() { # SIGNAL: to all processes of the script
  # shellcheck disable=SC2046
  kill -s "$1" $(leftovers) 2>/dev/null
}

command_of() { # PID: "pid command line" as a JSON string
  text=$(tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | tr -c ' -~' '?' | cut -c1-200 | sed 's/ *$//; s/["\\]/\\&/g')
  [ -n "$text" ] || text=$(tr -dc 'A-Za-z0-9._/-' <"/proc/$1/comm" 2>/dev/null)
  printf '"%s %s"' "$1" "$text"
}

name_leftovers() { # those of $pids that are new
  for pid in $pids; do
    case $named in *" $pid "*) continue ;; esac
    named="$named$pid "
    [ "${#left_running}" -gt 4000 ] || left_running="$left_running${left_running:+,}$(command_of "$pid")"
  done
}

end_leftovers() { # ends what the script left running and puts it on record
  named=' ' round=0
  while [ "$round" -lt $((3 * left_rounds)) ]; do
    pids=$(leftovers)
    [ -n "$pids" ] || return 0
    name_leftovers
    signal_name=TERM
    [ "$round" -lt "$left_rounds" ] || signal_name=KILL
    # shellcheck disable=SC2086
    kill -s "$signal_name" $pids 2>/dev/null
    nap
    round=$((round + 1))
  done
  add_note 'some processes survived SIGKILL'
}

watch() { # PID SECONDS: ends the script when its time is over; meanwhile puts the time spent on record, once a minute
  trap 'kill -KILL $! 2>/dev/null; exit' TERM
  deadline=$(($(uptime_s) + $2))
  while left=$((deadline - $(uptime_s))) && [ "$left" -gt 0 ]; do
    [ "$left" -le 60 ] || left=60
    sleep "$left" &
    wait $!
    kill -0 $$ || exit # the runner is gone, and with it the script's number
    store_state
  done
  : >"$volatile/timed-out"
  send TERM
  deadline=$(($(uptime_s) + grace_s))
  while kill -0 "$1" && [ "$(uptime_s)" -lt "$deadline" ]; do nap; done
  send KILL
  # The launch itself may hang, before the script has its mark or session.
  kill -KILL "$1"
}

after() { # SECONDS COMMAND...: runs the command then, unless `cancel` comes first
  (
    # Before the sleep $! is a process that has ended. TERM would be lost on a sleep that is about to start.
    trap 'kill -KILL $! 2>/dev/null; exit' TERM
    sleep "$1" &
    wait $!
    shift
    "$@"
  ) >/dev/null 2>&1 &
  dog=$!
}

cancel() { # what `after` or `watch` waits for
  kill "$dog" 2>/dev/null
  wait "$dog" 2>/dev/null
}

limited() { # SECONDS COMMAND...: gives its exit code; it is killed when its time is over
  limit=$1
  shift
  "$@" &
  child=$!
  after "$limit" kill -KILL "$child"
  wait "$child" 2>/dev/null
  code=$?
  cancel
  return "$code"
}
