processes() { # of every process a line: pid session state
  for stat in /proc/[0-9]*/stat; do
    read -r line <"$stat" || continue
    pid=${line%% *}
    # shellcheck disable=SC2086 # fields after the name, which may hold anything
    set -- ${line##*) }
    echo "$pid $4 $1"
  done 2>/dev/null
}

cgroup_members() { # of our own unit's control group, if we are in one
  while IFS=: read -r _ _ path; do
    case $path in *instar-firstboot*) ;; *) continue ;; esac
    for mount in '' /unified /systemd /openrc; do
      [ -r "/sys/fs/cgroup$mount$path/cgroup.procs" ] && cat "/sys/fs/cgroup$mount$path/cgroup.procs"
    done
  done </proc/self/cgroup
}

leftovers() { # pids of the script's processes: by the mark in their environment, by its session, or by our control group
  marked=$(grep -slF "INSTAR_FIRSTBOOT_MARK=$mark" /proc/[0-9]*/environ)
  members=$(cgroup_members 2>/dev/null | tr '\n' ' ')
  processes | while read -r pid its_session state; do
    case $state in Z | X) continue ;; esac
    case $marked in *"/proc/$pid/environ"*) echo "$pid" && continue ;; esac
    # What shares our own session is ourselves and our helpers.
    [ "$its_session" != "$own_session" ] || continue
    if [ "$its_session" = "$session" ]; then echo "$pid" && continue; fi
    case " $members" in *" $pid "*) echo "$pid" ;; esac
  done
}

send() { # SIGNAL: to all processes of the script; fails when there is none
  pids=$(leftovers)
  # shellcheck disable=SC2086
  [ -n "$pids" ] && { kill -s "$1" $pids 2>/dev/null || :; }
}

command_of() { # PID: "pid command line" as a JSON string
  text=$(tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | tr -c ' -~' '?' | cut -c1-200 | sed 's/ *$//; s/["\\]/\\&/g')
  printf '"%s %s"' "$1" "$text"
}

end_leftovers() { # ends what the script left running and puts it on record
  pids=$(leftovers)
  [ -n "$pids" ] || return 0
  for pid in $pids; do
    [ ${#left_running} -lt 4000 ] && left_running="$left_running${left_running:+,}$(command_of "$pid")"
  done
  send TERM
  round=0
  while [ "$round" -lt $((3 * left_rounds)) ]; do
    nap
    [ -n "$(leftovers)" ] || return 0
    round=$((round + 1))
    [ "$round" -lt "$left_rounds" ] || send KILL
  done
  add_note 'some processes survived SIGKILL'
}

watch() { # PID SECONDS: ends the script when its time is over; meanwhile puts the time spent on record, once a minute
  trap 'kill $! 2>/dev/null; exit' TERM
  deadline=$(($(uptime_s) + $2))
  while left=$((deadline - $(uptime_s))) && [ "$left" -gt 0 ]; do
    [ "$left" -le 60 ] || left=60
    sleep "$left" &
    wait $!
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
    # Before the first sleep $! is a process that has ended.
    trap 'kill $! 2>/dev/null; exit' TERM
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
