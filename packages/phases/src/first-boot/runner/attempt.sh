# One attempt of the script that is loaded.

launch() { # becomes the script
  exec </dev/null >"$volatile/stdout" 2>"$volatile/stderr"
  umask 022
  cd "$root/" || exit 126
  set -- "$root$spec_interpreter" ${spec_argument:+"$spec_argument"} "$script_dir/payload"
  set -- INSTAR_ATTEMPT="$attempt" INSTAR_ROOT=/ INSTAR_DISKS="$disks" INSTAR_SECRETS_DIR="$secrets" INSTAR_FIRSTBOOT_MARK="$mark" "$@"
  # shellcheck disable=SC1091 # puts NAME=value in front, as words quoted by us
  . "$script_dir/env"
  # shellcheck disable=SC2086
  exec $setsid env "$@"
}

check_payload() { # fails when the script cannot run, with the exit code in code
  [ -f "$script_dir/payload" ] || { add_note 'payload missing: not run' && code=126 && return 1; }
  case $(sha256_of "$script_dir/payload") in
    "$spec_sha256") ;;
    '') ;;
    *) add_note 'payload differs from its hash: not run' && code=126 && return 1 ;;
  esac
  [ -x "$root$spec_interpreter" ] || { add_note 'interpreter not found: not run' && code=127 && return 1; }
}

sha256_of() {
  if has sha256sum; then
    sha256sum <"$1" 2>/dev/null | cut -d' ' -f1
  elif has openssl; then
    openssl dgst -sha256 <"$1" 2>/dev/null | sed 's/.* //'
  fi
}

execute() { # LIMIT_S: runs the script; sets code, timed_out
  rm -f "$volatile/stdout" "$volatile/stderr" "$volatile/timed-out" "$volatile/disk-full"
  mkfifo "$volatile/stdout" "$volatile/stderr" || { add_note 'no mkfifo: not run' && code=126 && return 0; }
  keep "$out/stdout" <"$volatile/stdout" &
  reader1=$!
  keep "$out/stderr" <"$volatile/stderr" &
  reader2=$!
  since=$(start_of "$reader1")
  launch &
  script=$!
  session=none
  [ -z "$setsid" ] || session=$script
  watch "$script" "$1" >/dev/null 2>&1 &
  dog=$!
  wait "$script" 2>/dev/null
  code=$?
  cancel
  end_leftovers
  await_readers
  [ ! -e "$volatile/timed-out" ] || timed_out=true
  [ ! -e "$volatile/disk-full" ] || add_note 'disk full: output lost'
}

await_readers() { # they end by themselves, unless a process that is not ours to end holds the output open
  after "$output_wait_s" end_readers
  wait "$reader1" "$reader2" 2>/dev/null
  cancel
  [ ! -e "$volatile/cut" ] || { rm -f "$volatile/cut" && add_note 'output held open by another process: cut'; }
}

end_readers() {
  : >"$volatile/cut"
  children=$(
    for stat in /proc/[0-9]*/stat; do
      read -r line <"$stat" || continue
      # shellcheck disable=SC2086
      set -- ${line%% *} ${line##*) }
      case $3 in "$reader1" | "$reader2") echo "$1" ;; esac
    done
  )
  # shellcheck disable=SC2086
  kill -KILL "$reader1" "$reader2" $children
}

run_attempt() { # sets state, and wants_reboot when the script asked for one
  attempt=$((attempt + 1))
  out=$script_dir/attempt-$attempt
  started_at=$(now) left_running='' notes=$run_notes timed_out=false signal=null code=0
  mark=$run_id/$order/$attempt
  rm -rf "$out"
  mkdir -p "$out" || give_up "cannot write $out: script not started"
  store_record running '' || give_up "cannot write $script_dir/record: script not started"
  ! is_last_attempt || destroy_stored_secrets
  remaining=$((max_total_s - $(spent)))
  [ "$timeout_s" -gt 0 ] && [ "$timeout_s" -lt "$remaining" ] && remaining=$timeout_s
  ! check_payload || execute "$remaining"
  finish_output "$out/stdout"
  finish_output "$out/stderr"
  judge
  json=$(result_json "$exit_json" "$signal" "$timed_out" false "\"$(now)\"")
  # On a full disk the output is what we can give up.
  store_record "$state" "$json" || { rm -f "$out"/* && store_record "$state" "$json"; } || lose_record
  publish "$json"
}

lose_record() {
  count_script
  give_up "cannot write $script_dir/record: what script $order did is told on the console only" "$json"
}

judge() { # from code and timed_out: state, exit_json, signal, wants_reboot
  state=failed exit_json=$code
  if [ "$timed_out" = true ]; then state=timed_out; fi
  # A shell cannot tell "exit 137" from SIGKILL; it is taken for the signal.
  if [ "$code" -gt 128 ] && [ "$code" -le 192 ]; then
    case $(kill -l $((code - 128)) 2>/dev/null) in
      '' | *[!A-Z0-9+-]* | [0-9]*) ;;
      *) signal="\"SIG$(kill -l $((code - 128)))\"" exit_json=null ;;
    esac
  fi
  [ "$timed_out" = false ] || return 0
  case $code in
    0) state=succeeded ;;
    194) state=succeeded && may_reboot && wants_reboot=yes ;;
  esac
}
