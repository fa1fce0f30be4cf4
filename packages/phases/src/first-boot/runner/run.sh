# One run: its scripts in their order, from where the last boot left them.

is_last_attempt() { [ "$order" = "$count" ] && [ "$attempt" -ge "$max_attempts" ]; }

is_capped() {
  if [ "$boots" -gt "$max_boots" ]; then
    reason="boot cap of $max_boots reached"
  elif [ "$(spent)" -ge "$max_total_s" ]; then
    reason="time cap of $max_total_s s reached"
  else
    return 1
  fi
}

settle() { # what earlier boots left of the script that is loaded: sets state and attempt
  state=pending attempt=0 out=$script_dir/attempt-0 notes='' left_running='' session=none since=0
  load_record
  case $? in
    1) return 0 ;;
    2) record_state=running record_attempt=$max_attempts && add_note 'record damaged' ;;
  esac
  attempt=$(number "$record_attempt" "$max_attempts") state=$record_state
  mark=$run_id/$order/$attempt out=$script_dir/attempt-$attempt started_at=${record_started_at:-$(now)} json=$record_json
  if [ "$state" = running ]; then
    # Memory that knows the script: only the runner died, not the machine.
    [ ! -e "$volatile/stdout" ] || end_leftovers
    finish_output "$out/stdout"
    finish_output "$out/stderr"
    state=interrupted json=$(result_json null null false true null)
    store_record interrupted "$json" || give_up "cannot write $script_dir/record"
  fi
  publish "$json"
}

run_scripts() { # sets end_state and reason, and counts
  order=0
  while [ "$order" -lt "$count" ]; do
    order=$((order + 1))
    load_script "$order" || { reason="script $order is damaged" && return 0; }
    settle
    run_attempts
    count_script
    # An interrupted script is not one that failed: one that reboots the machine itself ends so.
    case $state/$spec_on_failure in failed/abort | timed_out/abort) [ -n "$reason" ] || { reason="script $order failed" && return 0; } ;; esac
    [ -z "$reason" ] || { end_state=capped && return 0; }
  done
  end_state=complete
}

count_script() {
  case $state in
    pending) ;;
    succeeded) succeeded=$((succeeded + 1)) ;;
    *) failed=$((failed + 1)) ;;
  esac
}

run_attempts() { # as many as are left; sets reason when a cap ends them
  while [ "$state" != succeeded ] && [ "$attempt" -lt "$max_attempts" ]; do
    ! is_capped || return 0
    run_attempt
    store_state || give_up "cannot write $dir/state"
    [ "$wants_reboot" = no ] || reboot_machine
  done
  # The total time cut the last attempt short.
  [ "$state" != timed_out ] || is_capped || :
}

run_one() { # RUN_ID
  run_id=$1 dir=$base/$1 end_state=aborted reason='' succeeded=0 failed=0 wants_reboot=no run_notes=$tool_notes spent_before=0 boots=0 count=0
  if [ -e "$dir/finished" ]; then
    repeat_results
    conclude "$(cat "$dir/finished")"
    return 0
  fi
  run_version='' run_count='' run_max_boots='' run_max_total_s='' run_longest_mask=''
  load run "$dir/run" || give_up "run $run_id is damaged"
  [ "$run_version" = 1 ] || give_up "run $run_id is of version $run_version"
  count=$(number "$run_count" 0) max_boots=$(number "$run_max_boots" 10) max_total_s=$(number "$run_max_total_s" 7200)
  boot_started=$(uptime_s)
  count_boot
  store_state || give_up "cannot write $dir/state: no script is run"
  say "run $run_id, boot $boots"
  repeat_results
  stage_secrets
  load_masks
  run_scripts
  finish
}

finish() {
  store_state
  destroy "$secrets"
  system umount "$secrets" 2>/dev/null
  destroy_stored_secrets
  json=$(final_json)
  echo "$json" | store "$dir/finished" || say "cannot write $dir/finished"
  conclude "$json"
  say "run $run_id: $end_state${reason:+ ($reason)}"
}

conclude() { # LINE: again at the next boot when the power goes in between; who reads the line may end the machine at once
  destroy_stored_secrets
  rm -f "$dir"/scripts/*/payload "$dir"/scripts/*/env
  publish "$1"
}
