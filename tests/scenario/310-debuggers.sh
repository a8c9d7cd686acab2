#!/bin/bash
# Debian's openocd and gdb on a virtual board: option bytes, the SPI NOR through
# openocd's own stmqspi driver and loader, an ELF loaded, stopped and stepped.
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 1

bench_config bench.conf <<'E2'
probe "PV0001" {
}
E2
bench_up bench.conf
board_in PV0001 B1
cat >chip.cfg <<'E2'
source [find target/stm32u5x.cfg]
flash bank nor stmqspi 0x90000000 0 0 0 stm32u5x.cpu 0x420D1400
E2
ocd() { openocd_runs -f chip.cfg -c init -c "reset halt" "$@"; }

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
target extended-remote | LD_LIBRARY_PATH=$BIN/../lib/bench timeout -s KILL 400 openocd -f $FTDI_CFG -f chip.cfg -c "gdb_port pipe; log_output gdb-ocd.log"
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
timeout -s KILL 400 gdb-multiarch -nx -batch -x gdb.cmd count.elf >gdb.log 2>&1
grep -q '^n is 3, total is 3$' gdb.log || fail "breakpoints: $(tail -n 30 gdb.log)"
grep -q '^total is 103$' gdb.log || fail "finish: $(tail -n 30 gdb.log)"
grep -Eq '^stepped [24] bytes$' gdb.log || fail "stepi: $(tail -n 30 gdb.log)"
echo "gdb loaded, broke, finished, stepped"
