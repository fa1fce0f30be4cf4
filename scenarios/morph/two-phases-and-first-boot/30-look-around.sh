#!/bin/sh
# On the replica: what the scripts before it left, and what the morph did.
set -eu
echo "hello from $(hostname)"
echo "token: $(cat "$INSTAR_SECRETS_DIR/token")"
[ "$(cat /etc/motd)" = 'moved by Instar' ]
[ "$(systemctl is-enabled open-vm-tools.service)" = masked ]
[ -b /dev/vda2 ]
