#!/bin/bash
# The bench's probes under the kernel's USB interface, as umockdev plays it: the
# real libusb-1.0 and programs that know nothing of us.
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 1

bench_config bench.conf <<'E2'
probe "PV0001" {
}
E2
# The probes of usb.sh.
bench_config more.conf 2 <<'E2'
probe "AB-0001" {
  manufacturer = "Line & Sons"
  product = "Harness (left)"
}
probe "AB-0002" {
  type = "ft232h"
  product = "Harness (right)"
}
probe "AB-0003" {
  layout = "output-enable"
  type = "ft4232h"
  manufacturer = "Quad"
  product = "Q"
}
E2
bench_up bench.conf
bench_up more.conf 2
real() { timeout -k 5 400 "$BIN/provline-usbfs" --socket "$@"; }

# The checks of our look-alike: claims, endpoints, time-outs, unplugging, the
# operator. The real one gives the same answers.
PROVLINE_BENCH_CONTROL=$T/control real "$T/usb" -- "$BIN/../test-bin/usb-check" >check.log 2>&1 ||
	fail "usb-check: $(tail -n 30 check.log)"
real "$T/usb2" -- "$BIN/../test-bin/ftdi-check" >check.log 2>&1 || fail "ftdi-check: $(tail -n 30 check.log)"
echo "usb-check and, through libftdi1, ftdi-check pass under the real libusb"

# What lsusb makes of the descriptors.
real "$T/usb2" -- lsusb -v >lsusb.log 2>&1 || fail "lsusb: $(cat lsusb.log)"
for line in 'idProduct +0x6010' 'idProduct +0x6011' 'idProduct +0x6014' 'iManufacturer +1 Provline$' \
	'iManufacturer +1 Line & Sons$' 'iProduct +2 Harness \(left\)$' 'iSerial +3 AB-0003$' 'bNumInterfaces +4$' 'bEndpointAddress +0x87 +EP 7 IN$' \
	'bEndpointAddress +0x08 +EP 8 OUT$' 'MaxPower +500mA$'; do
	grep -Eq "$line" lsusb.log || fail "lsusb did not print $line: $(cat lsusb.log)"
done
expect "endpoints in lsusb" "$(grep -c bEndpointAddress lsusb.log)" 14
grep -qiE 'warning|error|invalid|could not|couldn' lsusb.log && fail "lsusb complains: $(cat lsusb.log)"
echo "lsusb reads all descriptors"

# openocd on each kind of probe: who the chip is, and memory there and back.
head -c 65536 /dev/urandom >in.bin
for n in 1 2 3; do
	board_in "AB-000$n" "B$n"
	real "$T/usb2" -- openocd -f "$FTDI_CFG" -c "gdb_port disabled" -c "adapter serial AB-000$n" -f target/stm32u5x.cfg -c init -c "reset halt" \
		-c "load_image in.bin 0x20000000 bin" -c "dump_image out$n.bin 0x20000000 65536" -c shutdown >ocd.log 2>&1 ||
		fail "openocd on probe $n: $(tail -n 20 ocd.log)"
	grep -q "SWD DPIDR 0x0be12477" ocd.log || fail "DPIDR: $(cat ocd.log)"
	cmp in.bin "out$n.bin" || fail "memory differs on probe $n"
done
echo "openocd reads DPIDR and memory on three kinds of probe"

# A program that is killed in the middle lets go of its interfaces.
real "$T/usb2" -- bash -c "openocd -f $FTDI_CFG -c 'gdb_port disabled' -c 'adapter serial AB-0001' -f target/stm32u5x.cfg -c init -c 'reset halt' \
	-c 'echo UP' -c 'while 1 {dump_image out.bin 0x20000000 65536}' >long.log 2>&1 & pid=\$!
	for i in \$(seq 200); do grep -q UP long.log && break; sleep 0.05; done
	sleep 0.2; kill -KILL \$pid; wait \$pid
	exec openocd -f $FTDI_CFG -c 'gdb_port disabled' -c 'adapter serial AB-0001' -f target/stm32u5x.cfg -c init -c shutdown" >killed.log 2>&1 ||
	fail "after a kill: $(tail -n 20 killed.log)"
grep -q UP long.log || fail "openocd did not come up: $(cat long.log)"
echo "a killed program lets go"

# flashrom finds the probe and its MPSSE, and no SPI flash on an SWD harness.
real "$T/usb2" -- flashrom -V -p ft2232_spi:type=2232H,port=A,serial=AB-0001 >flashrom.log 2>&1
grep -q 'SPI clock: 30.000000 MHz' flashrom.log || fail "flashrom did not set up the MPSSE: $(cat flashrom.log)"
grep -q 'No EEPROM/flash device found' flashrom.log || fail "flashrom: $(tail -n 5 flashrom.log)"
echo "flashrom probes"

# Exit codes are the command's.
rc() { "$@" >/dev/null 2>&1; echo $?; }
expect "exit code" "$(rc real "$T/usb" -- sh -c 'exit 7')" 7
expect "exit code of a killed one" "$(rc real "$T/usb" -- sh -c 'kill -9 $$')" 137
expect "without a bench" "$(rc real "$T/none" -- true)" 4
expect "without a command" "$(rc real "$T/usb")" 2
