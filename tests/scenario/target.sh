#!/bin/sh
# agent/target against the bench: starts a daemon with two probes in a fresh
# directory, runs the checks, stops it.
#   target.sh PROVLINE-BENCH TARGET-CHECK BENCH-LIBRARY-DIRECTORY
set -eu

bench=$1 check=$2 libs=$3
dir=$(mktemp -d /tmp/provline-target-XXXXXX)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || :; wait; rm -rf "$dir"' EXIT

cat >"$dir/bench.conf" <<CONF
usb_socket = "$dir/usb"
control_socket = "$dir/control"
data_dir = "$dir"
nor_part = "w25q64jv"
pace = 0.0
seed = 7
probe "PV0001" {
  layout = "resistor"
}
probe "PV0002" {
  layout = "output-enable"
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
	PROVLINE_BENCH_DIR=$dir LD_LIBRARY_PATH=$libs "$check"
