copy_to() { exec cat "$1" >>"$2"; }

emit() { # LINE: each sink gets it in a single write, so that no other program's output can come between
  printf '%s\n' "$1" >"$volatile/port-line"
  printf '\nINSTAR-FIRSTBOOT %s\n' "$1" >"$volatile/console-line"
  alive=''
  for sink in $sinks; do
    case $sink in port:*) from=port-line ;; *) from=console-line ;; esac
    if limited "$sink_limit_s" copy_to "$volatile/$from" "${sink#port:}" 2>/dev/null; then alive="$alive $sink"; else say "cannot write to ${sink#port:}"; fi
  done
  sinks=$alive
}

publish() { # LINE: unless it is in results.jsonl it is added and emitted
  results=$dir/results.jsonl
  ! grep -qxF -e "$1" "$results" 2>/dev/null || return 0
  {
    [ ! -s "$results" ] || cat "$results"
    # A line that was cut off stays alone.
    [ ! -s "$results" ] || [ -z "$(tail -c 1 "$results")" ] || echo
    printf '%s\n' "$1"
  } | store "$results" || say "cannot write $results"
  emit "$1"
}

repeat_results() { # of earlier boots, for those who see only this one
  [ -s "$dir/results.jsonl" ] || return 0
  while IFS= read -r result; do emit "$result"; done <"$dir/results.jsonl"
}

encode() { # base64 of standard input, in one line
  if has base64; then
    base64 | tr -d '\n'
  elif has openssl; then
    openssl base64 -A
  else
    hex | from_hex
  fi
}

from_hex() { # to base64
  awk '
    { n = length($0)
      for (i = 1; i <= n; i += 6) {
        bits = 0
        for (j = 0; j < 6; j++) bits = bits * 16 + (i + j <= n ? index("0123456789abcdef", substr($0, i + j, 1)) - 1 : 0)
        # Not 64 ^ j: some busybox have no math.
        for (j = 0; j < 4; j++) {
          digit = int(bits / 262144) % 64
          bits *= 64
          printf "%s", (i + 2 * j - 1 > n) ? "=" : substr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", digit + 1, 1)
        }
      } }'
}

add_tool_note() { tool_notes="$tool_notes${tool_notes:+,}\"$1\""; }
add_note() { notes="$notes${notes:+,}\"$1\""; } # plain ASCII without quotes

encoded_output() { # STDOUT_BYTES STDERR_BYTES: the ends of both streams, in base64
  if [ "$longest_mask" = 0 ]; then
    { tail -c "$1" "$out/stdout" && tail -c "$2" "$out/stderr"; } | encode
  elif [ -n "$masks" ]; then
    { masked_end stdout "$1" && masked_end stderr "$2"; } | from_hex
  fi
}

result_json() { # EXIT_CODE SIGNAL TIMED_OUT INTERRUPTED ENDED_AT, as JSON
  stdout_bytes=$(bytes_of stdout) stderr_bytes=$(bytes_of stderr)
  from_stderr=$((output_bytes - stdout_bytes))
  [ "$from_stderr" -ge $((output_bytes / 2)) ] || from_stderr=$((output_bytes / 2))
  [ "$from_stderr" -le "$stderr_bytes" ] || from_stderr=$stderr_bytes
  output=$(encoded_output $((output_bytes - from_stderr)) "$from_stderr" 2>/dev/null)
  [ -n "$output" ] || [ "$longest_mask" = 0 ] || [ $((stdout_bytes + stderr_bytes)) = 0 ] || add_note 'output left out: secrets cannot be masked in it'
  printf '{"version":1,"id":"%s-firstboot-%s-%s","run_id":"%s","phase":"replica_first_boot","source":"%s","name":%s,"order":%s,"attempt":%s,' \
    "$run_id" "$order" "$attempt" "$run_id" "$spec_source" "$spec_name" "$order" "$attempt"
  printf '"started_at":"%s","ended_at":%s,"exit_code":%s,"signal":%s,"timed_out":%s,"interrupted":%s,"stdout_bytes":%s,"stderr_bytes":%s,' \
    "$started_at" "$5" "$1" "$2" "$3" "$4" "$stdout_bytes" "$stderr_bytes"
  printf '"payload_sha256":"%s","left_running":[%s],"notes":[%s],"output_base64":"%s"}' "$spec_sha256" "$left_running" "$notes" "$output"
}

final_json() {
  printf '{"version":1,"run_id":"%s","state":"%s","reason":"%s","succeeded":%s,"failed":%s,"skipped":%s,"boots":%s}' \
    "$run_id" "$end_state" "$reason" "$succeeded" "$failed" $((count - succeeded - failed)) "$boots"
}
