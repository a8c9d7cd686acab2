#!/bin/bash
# Debian's openocd and gdb on a virtual board: option bytes, the SPI NOR through
# openocd's own stmqspi driver and loader, an ELF loaded, stopped and stepped.
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 1

cat >bench.conf <<E2
usb_socket = "$T/usb"
control_socket = "$T/control"
data_dir = "$T/data"
probe "PV0001" {
}
E2
cat >ft.cfg <<'E2'
adapter driver ftdi
ftdi vid_pid 0x0403 0x6010
ftdi channel 0
ftdi layout_init 0x0018 0x001b
ftdi layout_signal SWD_EN -data 0
ftdi layout_signal SWDIO_OE -data 0
ftdi layout_signal nSRST -data 0x0010 -oe 0x0010
transport select swd
adapter speed 15000
source [find target/stm32u5x.cfg]
flash bank nor stmqspi 0x90000000 0 0 0 stm32u5x.cpu 0x420D1400
E2
"$BIN/provline-bench" --config bench.conf 2>bench.log &
BENCH=$!
trap 'kill $BENCH 2>/dev/null; wait $BENCH; finish' EXIT
BENCH_CONTROL=$T/control
wait_for 10 test -S "$BENCH_CONTROL"
ctl '{"cmd":"insert","probe":"PV0001","board":{"serial":"B1"}}' >/dev/null || fail "insert"

export PROVLINE_BENCH_SOCKET=$T/usb
ocd() {
	LD_LIBRARY_PATH=$BIN/../lib/bench timeout -s KILL 120 openocd -f ft.cfg \
		-c "gdb_port disabled" -c "tcl_port disabled" -c "telnet_port disabled" \
		-c init -c "reset halt" "$@" -c shutdown >ocd.log 2>&1 || fail "openocd: $(tail -n 20 ocd.log)"
}

# OCTOSPI1: clock; enabled and memory-mapped; 8 MiB; prescaler; read 03h, 3-byte
# addresses, one line each (RM0456 Rev 6, OCTOSPI registers).
NOR=(-c "mww 0x46020C90 0x10" -c "mww 0x420D1400 0x30400001" -c "mww 0x420D1408 0x01160100"
	-c "mww 0x420D140C 1" -c "mww 0x420D1508 0" -c "mww 0x420D1500 0x01002101" -c "mww 0x420D1510 0x03")
head -c 131072 /dev/urandom >in.bin
ocd "${NOR[@]}" -c "flash probe nor" -c "flash write_image erase in.bin 0x90010000 bin" \
	-c "verify_image in.bin 0x90010000 bin" -c "dump_image out.bin 0x90010000 131072"
grep -qi 'w25q64' ocd.log || fail "the NOR was not recognised: $(cat ocd.log)"
cmp in.bin out.bin || fail "the NOR reads back other bytes"
ctl "{\"cmd\":\"nor\",\"board\":\"B1\",\"file\":\"$T/nor.bin\"}" >/dev/null || fail "nor"
dd if=nor.bin bs=65536 skip=1 count=2 2>/dev/null | cmp - in.bin || fail "the NOR holds other bytes"
echo "openocd programmed and verified 128 KiB of NOR"

# Option bytes: a boot address that nobody uses here, and back.
ocd -c "stm32l4x option_write 0 0x48 0x0BF90000 0xFFFFFF80" -c "stm32l4x option_load 0" -c "sleep 100" \
	-c "reset halt" -c "stm32l4x option_read 0 0x48"
grep -q '0x0*b[fF]9' ocd.log || fail "option bytes: $(tail -n 5 ocd.log)"
echo "openocd wrote option bytes"

cat >count.c <<'E2'
volatile int total;
void work(int n) { total += n; }
void _start(void) { for (int i = 1;; i++) work(i); }
E2
arm-none-eabi-gcc -mcpu=cortex-m33 -mthumb -O0 -g -nostdlib -Ttext=0x20050000 -o count.elf count.c || fail "gcc"
cat >gdb.cmd <<E2
set pagination off
set confirm off
target extended-remote | LD_LIBRARY_PATH=$BIN/../lib/bench timeout -s KILL 100 openocd -f ft.cfg -c "gdb_port pipe; log_output gdb-ocd.log; tcl_port disabled; telnet_port disabled"
monitor reset halt
load
set \$sp = 0x20060000
set \$pc = _start
hbreak work
continue
continue
continue
printf "n is %d, total is %d\n", n, total
set var total = 100
delete
finish
printf "total is %d\n", total
set \$before = \$pc
stepi
printf "stepped %d bytes\n", \$pc - \$before
print/x \$xpsr
kill
quit
E2
timeout -s KILL 120 gdb-multiarch -nx -batch -x gdb.cmd count.elf >gdb.log 2>&1
grep -q '^n is 3, total is 3$' gdb.log || fail "breakpoints: $(tail -n 30 gdb.log)"
grep -q '^total is 103$' gdb.log || fail "finish: $(tail -n 30 gdb.log)"
grep -Eq '^stepped [24] bytes$' gdb.log || fail "stepi: $(tail -n 30 gdb.log)"
echo "gdb loaded, broke, finished, stepped"
