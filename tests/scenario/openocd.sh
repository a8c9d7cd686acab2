#!/bin/sh
# Debian's openocd on a virtual board: other people's code finds the debug port,
# reads who the chip is, and gets back from SRAM what it wrote; the wire's
# trace decodes without an error in sigrok's SWD decoder, where that is
# installed. Also what a strict bench must refuse.
#   openocd.sh PROVLINE-BENCH BENCH-LIBRARY-DIRECTORY
set -eu

bench=$1 libs=$2
dir=$(mktemp -d /tmp/provline-openocd-XXXXXX)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || :; wait; rm -rf "$dir"' EXIT

fail() {
	echo "FAILED: $1" >&2
	exit 1
}
ctl() { "$bench" ctl --socket "$dir/control" "$1"; }
ocd() {
	PROVLINE_BENCH_SOCKET=$dir/usb LD_LIBRARY_PATH=$libs \
		timeout -s KILL 400 openocd -f "$(dirname "$0")/ftdi.cfg" \
		-c "gdb_port disabled" "$@" 2>&1
}

cat >"$dir/bench.conf" <<CONF
usb_socket = "$dir/usb"
control_socket = "$dir/control"
data_dir = "$dir/data"
probe "PV0001" {
}
probe "PV0002" {
  layout = "output-enable"
  type = "ft4232h"
}
probe "PV0003" {
  type = "ft232h"
  trace = "$dir/wire.vcd"
}
CONF
# Configuration errors name file, line and key.
sed 's/"ft232h"/"ft9"/' "$dir/bench.conf" >"$dir/bad.conf"
"$bench" --check-config --config "$dir/bench.conf" || fail "good configuration"
rc=0
"$bench" --check-config --config "$dir/bad.conf" 2>"$dir/err" || rc=$?
[ "$rc" = 2 ] || fail "bad value: exit $rc"
grep -q 'bad.conf:11: type' "$dir/err" || fail "bad value: $(cat "$dir/err")"

"$bench" --config "$dir/bench.conf" &
pid=$!
for _ in $(seq 100); do
	[ ! -S "$dir/control" ] || break
	kill -0 "$pid"
	sleep 0.1
done

# An empty harness answers nobody.
ocd -c "adapter serial PV0001" -f target/stm32u5x.cfg -c init -c shutdown \
	>"$dir/out" && fail "openocd found a board in an empty harness"
grep -q "Error connecting DP" "$dir/out" || fail "empty harness: $(cat "$dir/out")"

for n in 1 2 3; do
	ctl "{\"cmd\":\"insert\",\"probe\":\"PV000$n\",\"board\":{\"serial\":\"B$n\",\"uid\":\"0011223344554142434445$n$n\"}}" >/dev/null
done
ctl '{"cmd":"insert","probe":"PV0001","board":{"serial":"B9"}}' 2>/dev/null &&
	fail "two boards in one harness"
ctl '{"cmd":"insert","probe":"PV0001","board":{"serial":"B8","faults":["nonsense"]}}' 2>/dev/null &&
	fail "an unknown fault was accepted"

for n in 1 2 3; do
	head -c 32768 /dev/urandom >"$dir/in.bin"
	speed=15000
	[ "$n" != 3 ] || speed=1000 # sigrok's import keeps up with that
	ocd -c "adapter serial PV000$n" -f target/stm32u5x.cfg -c init \
		-c "adapter speed $speed" -c "reset halt" \
		-c "echo [read_memory 0x0BFA0700 32 3]" \
		-c "load_image $dir/in.bin 0x20000000 bin" \
		-c "dump_image $dir/out.bin 0x20000000 32768" \
		-c shutdown >"$dir/out" || fail "probe $n: $(cat "$dir/out")"
	grep -q "SWD DPIDR 0x0be12477" "$dir/out" || fail "probe $n: DPIDR"
	grep -q "Cortex-M33 r0p4" "$dir/out" || fail "probe $n: core"
	grep -q "0x33221100 0x42415544 0x$n${n}454443" "$dir/out" ||
		fail "probe $n: UID: $(cat "$dir/out")"
	cmp "$dir/in.bin" "$dir/out.bin" || fail "probe $n: memory differs"
done

# Multi-drop: TARGETSEL of this part's id answers; another part, designer or
# instance gets no answer. (openocd reads DPIDR and DLPIDR after it.)
cat >"$dir/multi.cfg" <<'CONF'
swd newdap multi cpu -expected-id 0x0be12477
dap create multi.dap -chain-position multi.cpu -dp-id $ID -instance-id $INSTANCE
target create multi.cpu cortex_m -dap multi.dap
CONF
drop() { # ID INSTANCE
	ocd -c "adapter serial PV0001" -c "adapter speed 15000" -c "set ID $1" \
		-c "set INSTANCE $2" -f "$dir/multi.cfg" -c init \
		-c "echo [read_memory 0x0BFA0700 32 1]" -c shutdown >"$dir/out"
}
drop 0x04820041 0 || fail "TARGETSEL: $(cat "$dir/out")"
grep -q "DPIDR 0x0be12477, DLPIDR 0x00000001" "$dir/out" ||
	fail "TARGETSEL: $(cat "$dir/out")"
grep -q "0x33221100" "$dir/out" || fail "TARGETSEL: UID: $(cat "$dir/out")"
for other in "0x04820041 1" "0x04830041 0" "0x04820043 0"; do
	drop $other && fail "TARGETSEL $other was answered"
	grep -q "Failed to connect multidrop" "$dir/out" ||
		fail "TARGETSEL $other: $(cat "$dir/out")"
done

# Internal flash with openocd's own loader, verified by its own checksum code on
# the virtual CPU and by what the bench says is in the flash.
head -c 1048576 /dev/urandom >"$dir/in.bin"
ocd -c "adapter serial PV0001" -f target/stm32u5x.cfg -c init \
	-c "adapter speed 15000" -c "reset halt" \
	-c "flash write_image erase $dir/in.bin 0x08010000 bin" \
	-c "verify_image $dir/in.bin 0x08010000 bin" \
	-c "dump_image $dir/out.bin 0x08010000 1048576" \
	-c shutdown >"$dir/out" || fail "flash: $(cat "$dir/out")"
grep -q "verified 1048576 bytes" "$dir/out" || fail "flash: $(cat "$dir/out")"
cmp "$dir/in.bin" "$dir/out.bin" || fail "flash reads back other bytes"
ctl "{\"cmd\":\"flash\",\"board\":\"B1\",\"file\":\"$dir/flash.bin\"}" >/dev/null
dd if="$dir/flash.bin" bs=65536 skip=1 count=16 2>/dev/null |
	cmp - "$dir/in.bin" || fail "flash holds something else"

# The account of that: time divided without rest, and what the board did.
ctl '{"cmd":"account","board":"B1"}' >"$dir/account"
jq -e '.account | (.wire_ns + .command_ns + .usb_ns + .board_ns + .host_ns
	- .elapsed_ns | fabs < 10) and .swclk_edge_count > 1048576 * 8
	and .usb_out_bytes > 1048576 and .chip.option_reload_count == 0
	and .chip.flash_ns > 1048576 / 16 * 100000' "$dir/account" >/dev/null ||
	fail "account: $(cat "$dir/account")"
ctl '{"cmd":"account-reset","probe":"PV0001"}' >/dev/null
ctl '{"cmd":"account","board":"B1"}' |
	jq -e '.account | .usb_out_bytes == 0 and .chip.flash_ns == 0' \
		>/dev/null || fail "the account was not reset"

ctl '{"cmd":"state"}' >"$dir/state"
grep -q '"contentions":[1-9]' "$dir/state" && fail "both ends drove SWDIO"

# Unplugged: nobody finds it any more.
ctl '{"cmd":"unplug","probe":"PV0002"}' >/dev/null
ocd -c "adapter serial PV0002" -f target/stm32u5x.cfg -c init -c shutdown \
	>/dev/null && fail "an unplugged probe was found"

kill "$pid"
wait "$pid" || fail "the bench ended with $?"
pid=
if command -v sigrok-cli >/dev/null; then
	sigrok-cli -I vcd:downsample=50 -i "$dir/wire.vcd" \
		-P swd:swclk=swclk:swdio=swdio >"$dir/swd" 2>/dev/null
	grep -q "^swd-1: 0x0be12477" "$dir/swd" || fail "sigrok saw no DPIDR"
	ok=$(grep -c "^swd-1: OK" "$dir/swd")
	[ "$ok" -gt 16000 ] || fail "sigrok saw $ok transfers only"
	# FAULT, WAIT, NOREPLY, ERROR, or two digits: wrong parity.
	if grep -Eq "^swd-1: ([A-Z]*(FAULT|WAIT|NOREPLY|ERROR)|[01][01])$" "$dir/swd"; then
		fail "sigrok saw errors"
	fi
fi
echo "openocd: fine"
