# Ends a command on a minion. Argument: ID. One that has not begun yet finds the file, and does not begin.
mkdir -p "/run/instar/ssh/$1" && : >"/run/instar/ssh/$1/stop"
end_marked "$1"
sleep 0.1
end_marked "$1"
