/**
 * Shell function `resolve_in ROOT PATH`: sets `at` to the path inside the root with every link followed as the guest would (an absolute
 * target starts at ROOT, `..` stops there). Fails on a loop. Nothing else runs on the tree meanwhile, so there is no race to lose.
 */
export const RESOLVE_IN = `
resolve_in() {
  at= left=$2 hops=0
  while [ -n "$left" ]; do
    part=\${left%%/*}
    case $left in */*) left=\${left#*/};; *) left=;; esac
    case $part in ''|.) continue;; ..) at=\${at%/*}; continue;; esac
    if [ -L "$1$at/$part" ]; then
      hops=$((hops+1))
      [ "$hops" -gt 40 ] && { echo "too many links in $2" >&2; return 1; }
      target=$(readlink -- "$1$at/$part") || return 1
      case $target in /*) at=;; esac
      left=$target/$left
    else at=$at/$part
    fi
  done
}
`
