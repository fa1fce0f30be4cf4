# Files that outlive a power cut.

durable() { sync "$1" || sync || dd if=/dev/null of="$1" conv=notrunc,fsync; } 2>/dev/null

store() { # FILE <content: after a power cut the file holds the old content or the new one
  cat >"$1.new" && durable "$1.new" && mv -f "$1.new" "$1" && durable "${1%/*}"
}

load() { # PREFIX FILE: sets PREFIX_key for each line key=value; fails when the file is not whole (no line end=1)
  eval "$1_end="
  [ -f "$2" ] || return 1
  while IFS= read -r line || [ -n "$line" ]; do
    key=${line%%=*}
    case $key in '' | *[!a-z0-9_]*) continue ;; esac
    eval "$1_$key=\${line#*=}"
  done <"$2"
  eval "[ \"\$$1_end\" = 1 ]"
}

spent() { echo $((spent_before + $(uptime_s) - boot_started)); }

store_state() { printf 'version=1\nboots=%s\nspent_s=%s\nend=1\n' "$boots" "$(spent)" | store "$dir/state"; }

store_record() { # STATE JSON
  printf 'version=1\nrun_id=%s\norder=%s\nsha256=%s\nstate=%s\nattempt=%s\nboot=%s\nspent_s=%s\nstarted_at=%s\njson=%s\nend=1\n' \
    "$run_id" "$order" "$spec_sha256" "$1" "$attempt" "$boots" "$(spent)" "$started_at" "$2" | store "$script_dir/record"
}

load_record() { # 0: a whole record of this payload; 1: none; 2: damaged
  record_state='' record_attempt='' record_boot='' record_spent_s='' record_started_at='' record_json='' record_sha256=''
  [ -e "$script_dir/record" ] || return 1
  load record "$script_dir/record" || return 2
  [ "$record_sha256" = "$spec_sha256" ] || return 1
}

load_script() { # ORDER
  script_dir=$dir/scripts/$(printf %03d "$1")
  spec_name='' spec_source='' spec_sha256='' spec_timeout_s='' spec_retries='' spec_on_failure='' spec_interpreter='' spec_argument=''
  load spec "$script_dir/spec" || return 1
  timeout_s=$(number "$spec_timeout_s" 0) max_attempts=$(($(number "$spec_retries" 0) + 1))
}

count_boot() { # from the state and all records, whichever knows more
  boots=0 spent_before=0 state_boots='' state_spent_s=''
  load state "$dir/state" && boots=$(number "$state_boots" 0) spent_before=$(number "$state_spent_s" 0)
  order=0
  while [ "$order" -lt "$count" ]; do
    order=$((order + 1))
    load_script "$order" || continue
    load_record || continue
    [ "$(number "$record_boot" 0)" -le "$boots" ] || boots=$record_boot
    [ "$(number "$record_spent_s" 0)" -le "$spent_before" ] || spent_before=$record_spent_s
  done
  boots=$((boots + 1))
}
