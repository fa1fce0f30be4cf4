keep() { # FILE <stream: FILE gets the first part as it comes, FILE.0 and FILE.1 in turn the rest, FILE.full the count of full parts
  : >"$1"
  size=0
  while [ "$size" -lt "$part" ]; do
    # Without fullblock dd writes what each read gave at once: the file is up to date when the power fails.
    dd bs=4096 count=64 >>"$1" 2>/dev/null || drain
    before=$size
    size=$(size_of "$1")
    [ "$size" -gt "$before" ] || return 0
  done
  full=0
  while :; do
    if [ "$fullblock" = yes ]; then dd bs=65536 count=$((part / 65536)) iflag=fullblock; else head -c "$part"; fi >"$1.$((full % 2))" 2>/dev/null || drain
    [ "$(size_of "$1.$((full % 2))")" -ge "$part" ] || return 0
    full=$((full + 1))
    echo "$full" >"$1.full"
  done
}

drain() { # the disk is full: the script must neither stop nor die of it
  : >"$volatile/disk-full"
  cat >/dev/null
  exit 0
}

finish_output() { # FILE: makes one file of its parts, and FILE.bytes, the length of the stream, if it is not whole
  full=$(number "$(cat "$1.full" 2>/dev/null)" 0)
  current=$1.$((full % 2)) previous=$1.$(((full + 1) % 2))
  [ -e "$current" ] || [ "$full" -gt 0 ] || return 0
  if [ "$full" -gt 1 ]; then
    echo $(($(size_of "$1") + full * part + $(size_of "$current"))) >"$1.bytes"
    printf '\n[instar: %s bytes left out]\n' $(((full - 1) * part)) >>"$1"
  fi
  [ "$full" = 0 ] || cat "$previous" >>"$1"
  [ ! -e "$current" ] || cat "$current" >>"$1"
  rm -f "$1.0" "$1.1" "$1.full"
}

bytes_of() { if [ -e "$out/$1.bytes" ]; then number "$(cat "$out/$1.bytes")" 0; else size_of "$out/$1"; fi; } # stdout | stderr
