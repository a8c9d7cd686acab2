#!/bin/sh
# usb-check against a bench with one probe, ftdi-check against one with a probe
# of each type.
#   usb.sh PROVLINE-BENCH USB-CHECK FTDI-CHECK BENCH-LIBRARY-DIRECTORY
set -eu

bench=$1 usb_check=$2 ftdi_check=$3 libs=$4
dir=$(mktemp -d /tmp/provline-usb-XXXXXX)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || :; wait; rm -rf "$dir"' EXIT

fail() {
	echo "FAILED: $1" >&2
	exit 1
}
config() { # FILE: the probes come on standard input
	cat >"$dir/$1" <<CONF
usb_socket = "$dir/usb"
control_socket = "$dir/control"
data_dir = "$dir/data"
$(cat)
CONF
}
check() { # CONFIG PROGRAM
	"$bench" --config "$dir/$1" &
	pid=$!
	for _ in $(seq 100); do
		[ ! -S "$dir/control" ] || break
		kill -0 "$pid"
		sleep 0.1
	done
	PROVLINE_BENCH_SOCKET=$dir/usb PROVLINE_BENCH_CONTROL=$dir/control \
		LD_LIBRARY_PATH=$libs timeout -s KILL 400 "$2"
	kill "$pid"
	wait "$pid"
	pid=
}

config one.conf <<'CONF'
probe "PV0001" {
}
CONF
config three.conf <<'CONF'
probe "AB-0001" {
  manufacturer = "Line & Sons"
  product = "Harness (left)"
}
probe "AB-0002" {
  type = "ft232h"
  product = "Harness (right)"
}
probe "AB-0003" {
  type = "ft4232h"
  manufacturer = "Quad"
  product = "Q"
}
CONF
# String descriptors hold what can be typed.
config bad.conf <<'CONF'
probe "PV0001" {
  product = "Prüfling"
}
CONF
rc=0
"$bench" --check-config --config "$dir/bad.conf" 2>"$dir/err" || rc=$?
[ "$rc" = 2 ] || fail "a product that is not ASCII: exit $rc"
grep -q 'bad.conf:5: product: not printable ASCII' "$dir/err" ||
	fail "a product that is not ASCII: $(cat "$dir/err")"

check one.conf "$usb_check"
check three.conf "$ftdi_check"
