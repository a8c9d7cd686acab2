#!/bin/bash
# Debian's openocd and gdb on a board wired like the B-U585I-IOT02A, in the steps
# of docs/b-u585i-iot02a.md: the NOR programmed with the configuration that
# firmware/board/ has for the kit, TrustZone switched on, the kit's loader written
# to secure flash, and its own functions called to read the NOR.
. "$(dirname "$0")/lib.sh"
CFG=$(realpath "$(dirname "$0")/../../firmware/board/b-u585i-iot02a.cfg")
cd "$T" || exit 1

bench_config bench.conf <<'E2'
nor_part = "mx25lm51245g"
wiring = "breadboard"
probe "PV0001" {
}
E2
"$BIN/provline-bench" --config bench.conf 2>bench.log
[ $? = 2 ] || fail "an unknown wiring is accepted"
grep -q 'bench.conf:5: wiring' bench.log || fail "$(cat bench.log)"
sed -i 's/breadboard/b-u585i-iot02a/' bench.conf
bench_up bench.conf
board_in PV0001 B1
ocd() { openocd_runs -f target/stm32u5x.cfg "$@"; }
head -c 131072 /dev/urandom >in.bin
# the last 64 KiB block below 16 MiB and the first above: four-byte addresses
ocd -f "$CFG" -c init -c "reset halt" -c kit_nor -c "flash probe nor" \
	-c "flash write_image erase in.bin 0x70FF0000 bin" \
	-c "verify_image in.bin 0x70FF0000 bin" \
	-c "dump_image out.bin 0x70FF0000 131072"
grep -qi '25lm51245' ocd.log || fail "the NOR was not recognised: $(cat ocd.log)"
cmp in.bin out.bin || fail "the NOR reads back other bytes"
ctl "{\"cmd\":\"nor\",\"board\":\"B1\",\"file\":\"$T/nor.bin\"}" >/dev/null || fail "nor"
dd if=nor.bin bs=65536 skip=255 count=2 2>/dev/null | cmp - in.bin || fail "the NOR holds other bytes"
echo "openocd programmed and verified 128 KiB of the kit's NOR"

# TZEN at RDP 0xAA; it counts, and is read, from the next load of the option bytes.
LOADER=$BIN/../firmware/b-u585i-iot02a/sfi-loader.elf
ocd -c init -c "reset halt" -c "stm32l4x option_write 0 0x40 0x80000000 0x80000000" \
	-c "echo [read_memory 0x40022040 32 1]" -c "stm32l4x option_load 0" -c "sleep 100" -c "reset halt" \
	-c "echo [read_memory 0x40022040 32 1]"
expect "OPTR before and after its load" "$(grep -i '^0x.feff8aa$' ocd.log | xargs)" "0x1feff8aa 0x9feff8aa"
ocd -c init -c "reset halt" -c "flash write_image erase $LOADER" -c "verify_image $LOADER"
grep -q 'CPU in Secure state' ocd.log || fail "TrustZone is not on: $(tail -n 20 ocd.log)"
echo "openocd wrote the kit's loader to secure flash"

cat >gdb.cmd <<E2
set pagination off
set confirm off
target extended-remote | LD_LIBRARY_PATH=$BIN/../lib/bench timeout -s KILL 400 openocd -f $FTDI_CFG -f target/stm32u5x.cfg -c "gdb_port pipe; log_output gdb-ocd.log"
monitor reset halt
hbreak dialogue_begin
continue
printf "clock switch %x, PI5 %08x\n", *(unsigned *)0x56020c1c & 15, *(unsigned *)0x52022020
call (int)hal_nor_id((unsigned char *)0x30070000)
x/3xb 0x30070000
call (int)hal_nor_read((void *)0, 0xff0000, (void *)0x30040000, 131072)
dump binary memory read.bin 0x30040000 0x30060000
kill
quit
E2
timeout -s KILL 400 gdb-multiarch -nx -batch -x gdb.cmd "$LOADER" >gdb.log 2>&1
grep -q '^clock switch f, PI5 00500000$' gdb.log || fail "clock or pins: $(tail -n 30 gdb.log)"
grep -q '0xc2.*0x85.*0x3a$' gdb.log || fail "JEDEC id: $(tail -n 30 gdb.log)"
cmp read.bin in.bin || fail "the loader reads other bytes: $(tail -n 30 gdb.log)"
echo "gdb called the loader's own functions; they read the NOR at 160 MHz"
