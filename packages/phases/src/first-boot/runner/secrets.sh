stage_secrets() { # from the disk to memory
  system umount "$secrets"
  destroy "$secrets"
  mkdir -p "$secrets"
  [ -d "$dir/secrets" ] || return 0
  case $(mounted_type /run/instar/firstboot) in
    tmpfs | ramfs) ;;
    *) system mount -t tmpfs -o mode=0700,size=16m tmpfs "$secrets" || add_run_note 'secrets directory is on a disk: no tmpfs' ;;
  esac
  cp "$dir"/secrets/* "$secrets/" && chmod 0400 "$secrets"/*
} 2>/dev/null

add_run_note() { run_notes="$run_notes${run_notes:+,}\"$1\""; }

destroy_stored_secrets() {
  destroy "$dir/secrets"
  destroy "$dir/masks"
}

destroy() { # FOLDER: overwrites its files where the file system lets us, and removes it
  [ -d "$1" ] || return 0
  for file in "$1"/*; do
    [ -f "$file" ] || continue
    chmod 0600 "$file"
    shred -n 1 -z "$file" || dd if=/dev/zero of="$file" bs="$(size_of "$file")" count=1 conv=notrunc
    durable "$file"
  done 2>/dev/null
  rm -rf "$1"
  durable "${1%/*}"
}
