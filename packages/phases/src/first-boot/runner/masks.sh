# What may not leave the machine: values of secrets in a script's output. All of it is done in hex, as an awk may not take every byte.

load_masks() { # into our memory: they leave the disk with the secrets, so that a last attempt that was cut off finds none
  longest_mask=$(number "$run_longest_mask" 0)
  masks=$(cat "$dir/masks/hex" 2>/dev/null)
}

hex() { od -An -v -tx1 | tr -d ' \n'; }

masked_end() { # stdout|stderr BYTES: the end of a stream, in hex; what comes just before it is read too, as a value may begin there
  [ "$2" -gt 0 ] || return 0
  before=$(($(size_of "$out/$1") - $2 - longest_mask))
  { printf '%s\n\n' "$masks" && tail -c $(($2 + longest_mask)) "$out/$1" | hex && echo; } |
    awk -v wanted=$(($2 * 2)) -v skip=$((before > 0 ? longest_mask * 2 : 0)) '
      isText { text = $0; next }
      $0 == "" { isText = 1; next }
      { mask[++count] = $0 }

      # 0, or the place of a mask from here on: a byte begins at an odd place
      function place(which, from,   found) {
        while (found = index(substr(text, from), mask[which])) {
          from += found - 1
          if (from % 2) return from
          from++
        }
        return 0
      }
      function add(from, to) {
        if (from <= skip) from = skip + 1
        if (from <= to) told = told substr(text, from, to - from + 1)
      }
      END {
        # From where it would reach into what is told: beside a secret of a megabyte a short one is not looked for in all of that.
        for (i = 1; i <= count; i++) {
          from = skip - length(mask[i]) + 2
          next_at[i] = place(i, (from > 1) ? from : 1)
        }
        for (at = 1; ; at = end) {
          first = 0
          for (i = 1; i <= count; i++) {
            if (next_at[i] && next_at[i] < at) next_at[i] = place(i, at)
            # The longest come first.
            if (next_at[i] && (!first || next_at[i] < next_at[first])) first = i
          }
          if (!first) break
          add(at, next_at[first] - 1)
          end = next_at[first] + length(mask[first])
          if (end > skip + 1) told = told "2a2a2a"
        }
        add(at, length(text))
        printf "%s", (length(told) > wanted) ? substr(told, length(told) - wanted + 1) : told
      }'
}
