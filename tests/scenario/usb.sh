#!/bin/sh
# usb-check against a bench with one probe.
#   usb.sh PROVLINE-BENCH USB-CHECK BENCH-LIBRARY-DIRECTORY
set -eu

bench=$1 check=$2 libs=$3
dir=$(mktemp -d /tmp/provline-usb-XXXXXX)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || :; wait; rm -rf "$dir"' EXIT

cat >"$dir/bench.conf" <<CONF
usb_socket = "$dir/usb"
control_socket = "$dir/control"
data_dir = "$dir/data"
probe "PV0001" {
}
CONF
"$bench" --config "$dir/bench.conf" &
pid=$!
for _ in $(seq 100); do
	[ ! -S "$dir/control" ] || break
	kill -0 "$pid"
	sleep 0.1
done
PROVLINE_BENCH_SOCKET=$dir/usb PROVLINE_BENCH_CONTROL=$dir/control \
	LD_LIBRARY_PATH=$libs timeout -s KILL 60 "$check"
kill "$pid"
wait "$pid"
pid=
