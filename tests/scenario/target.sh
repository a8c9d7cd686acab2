#!/bin/sh
# agent/target against the bench: starts a daemon with two probes in a fresh
# directory, runs the checks, stops it.
#   target.sh PROVLINE-BENCH TARGET-CHECK BENCH-LIBRARY-DIRECTORY
#   target.sh PROVLINE-BENCH TARGET-CHECK --real-libusb PROVLINE-USBFS
set -eu

bench=$1 check=$2
if [ "$3" = --real-libusb ]; then
	set -- "$4" --
else
	set -- env LD_LIBRARY_PATH="$3"
fi
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
card_reader "SFI" {
  socket = "$dir/pcscd"
}
CONF
"$bench" --config "$dir/bench.conf" &
pid=$!
for _ in $(seq 100); do
	[ ! -S "$dir/control" ] || break
	kill -0 "$pid"
	sleep 0.1
done

head -c 28 /dev/urandom >"$dir/key"
new_card() {
	"$bench" card-new "$dir/$1" --serial "$2" --fwid firmware-one \
		--key "$dir/key" --maker-key "$dir/maker.pem" --max 5 --counter "$3"
}
new_card card PVCARD01 5
new_card empty PVCARD02 0

PROVLINE_BENCH_SOCKET=$dir/usb PROVLINE_BENCH_CONTROL=$dir/control \
	PROVLINE_BENCH_DIR=$dir PCSCLITE_CSOCK_NAME=$dir/pcscd \
	"$@" "$check"
