/**
 * Runs on the minion in the guest's root, with the folder of new contents and then eight words for each change: number, operation, path,
 * mode, uid, gid, extra (the file of its content, or where a link points), label (hex, or "-"). Prints "number sha256-before".
 *
 * It goes down to each path folder by folder and stops at a link: the paths come without links, so a link there means that the guest is not
 * what was loaded, and may be a trap. New content goes into a file beside the old one, gets all attributes of the old one (owner, mode, ACL,
 * SELinux label, capabilities), and takes its place. A file with several names is written in place, so that it keeps them.
 */
export const APPLY_SCRIPT = String.raw`
set -u
umask 077
work=$1; shift
root=$PWD
asked=

fail() { printf 'instar: %s: %s\n' "$path" "$1" >&2; exit 255; }
must() { "$@" || fail "cannot $1"; }

# Into the folder of $path; 1 when there is none. The last part of the path is left in $name.
enter() {
  cd -P -- "$root" || return 1
  rest=$path
  while [ "$rest" != "${'$'}{rest#*/}" ]; do
    part=${'$'}{rest%%/*}; rest=${'$'}{rest#*/}
    [ ! -L "./$part" ] && [ -d "./$part" ] && cd -P -- "./$part" || return 1
  done
  name=./$rest
}

is_real_dir() { [ -d "$name" ] && [ ! -L "$name" ]; }
is_real_file() { [ -f "$name" ] && [ ! -L "$name" ]; }

sha() {
  if is_real_file; then set -- $(sha256sum < "$name"); echo "$1"; else echo -; fi
}

# FAT has neither owners nor modes of its own.
own() {
  [ "$(stat -f -c %T .)" != msdos ] || return 0
  [ "$(stat -c %u:%g -- "$1")" = "$uid:$gid" ] || must chown -h "$uid:$gid" -- "$1"
  [ -L "$1" ] || [ "$(stat -c %a -- "$1")" = "$mode" ] || must chmod "$mode" -- "$1"
}

label() {
  [ "$label" = - ] || must setfattr -h -n security.selinux -v "$label" -- "$1"
}

# What "chattr +i" or "+a" protects is set free and protected again.
release() {
  held=
  flags=$(lsattr -d -- "$name" 2>/dev/null) || flags=
  case ${'$'}{flags%% *} in *i*) held=$held"i" ;; esac
  case ${'$'}{flags%% *} in *a*) held=$held"a" ;; esac
  [ -z "$held" ] || must chattr "-$held" -- "$name"
}

hold() { [ -z "$held" ] || must chattr "+$held" -- "$name"; }

put_file() {
  ! is_real_dir || must rm -rf --one-file-system -- "$name"
  if is_real_file && [ "$(stat -c %h -- "$name")" -gt 1 ]; then
    cat -- "$work/$extra" > "$name" || fail 'cannot write'
    own "$name"; label "$name"
    return
  fi
  new=./.instar-new
  must rm -rf --one-file-system -- "$new"
  must cp -- "$work/$extra" "$new"
  if is_real_file; then
    must cp --attributes-only --preserve=all -- "$name" "$new"
    must touch -- "$new"
  fi
  own "$new"; label "$new"
  must mv -fT -- "$new" "$name"
}

put_link() {
  ! is_real_dir || must rm -rf --one-file-system -- "$name"
  new=./.instar-new
  must rm -rf --one-file-system -- "$new"
  must ln -sT -- "$extra" "$new"
  own "$new"; label "$new"
  must mv -fT -- "$new" "$name"
}

put_dir() {
  if ! is_real_dir; then
    must rm -f -- "$name"
    must mkdir -- "$name"
  fi
  own "$name"; label "$name"
}

is_free() { [ ! -e "$name" ] && [ ! -L "$name" ]; }

# Asked once a folder: each question is a process.
is_fat() {
  [ "$asked" = "$PWD" ] || { asked=$PWD; kind=$(stat -f -c %T .); }
  [ "$kind" = msdos ]
}

# Where nothing was there is nothing to keep: one process makes a file or folder with its mode and owner.
put_new() {
  case $op in
    file) if is_fat; then must cp -- "$work/$extra" "$name"; else must install -T -m "$mode" -o "$uid" -g "$gid" -- "$work/$extra" "$name"; fi ;;
    dir) if is_fat; then must mkdir -- "$name"; else must install -d -m "$mode" -o "$uid" -g "$gid" -- "$name"; fi ;;
    link)
      must ln -sT -- "$extra" "$name"
      [ "$uid:$gid" = 0:0 ] || must chown -h "$uid:$gid" -- "$name"
      ;;
  esac
  label "$name"
}

take_away() {
  if is_real_dir; then must rm -rf --one-file-system -- "$name"; else must rm -f -- "$name"; fi
}

while [ $# -ge 8 ]; do
  number=$1 op=$2 path=$3 mode=$4 uid=$5 gid=$6 extra=$7 label=$8
  shift 8
  if ! enter; then
    [ "$op" = remove ] || fail 'a folder on the way is missing, or is a link'
    echo "$number -"
    continue
  fi
  if [ "$op" != remove ] && is_free; then
    put_new
    echo "$number -"
    continue
  fi
  echo "$number $(sha)"
  release
  case $op in
    file) put_file ;;
    link) put_link ;;
    dir) put_dir ;;
    remove) take_away; held= ;;
  esac
  hold
done
`

/** Fails when something is at one of these paths, or a link or file stands in the place of a folder on the way. Starts no process. */
export const ARE_FREE_SCRIPT = String.raw`
for path; do
  left=$path at=.
  while :; do
    at=$at/${'$'}{left%%/*}
    [ ! -L "$at" ] || exit 1
    [ -d "$at" ] || break
    case $left in */*) left=${'$'}{left#*/} ;; *) exit 1 ;; esac
  done
  [ ! -e "$at" ] || exit 1
done
`

/**
 * Unpacks scripts, lists and contents, which come on standard input as a tar stream. What is new goes into the guest by one tar, where nothing
 * stands in its way; else, as on FAT, which has no owners, it is written with the rest. Prints the lines of the script, a record separator, and
 * for each file written its hash, as sha256sum -z does.
 */
export const UNPACK_SCRIPT = String.raw`
set -eu
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
tar -x --no-same-owner -C "$work" -f -
todo=$work/rest
if [ -s "$work/new" ]; then
  if ! xargs -0 -s 120000 -a "$work/new" sh "$work/are-free" || ! tar -x -p -m --numeric-owner -f "$work/new.tar" 2>"$work/why"; then
    mkdir "$work/contents"
    tar -x --no-same-owner -C "$work/contents" -f "$work/new.tar"
    todo=$work/all
  fi
fi
# A whole number of changes for each call.
xargs -0 -r -x -n 80 -s 120000 -a "$todo" sh "$work/apply" "$work"
sync
printf '\036'
xargs -0 -r -a "$work/files" sha256sum -z --
`
