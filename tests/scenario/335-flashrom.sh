#!/bin/bash
# flashrom as the judge of the SPI NOR: a fixture clips the probe onto the pins
# of a board's NOR, bit by bit, under the real libusb. What it has written, the
# MCU's OCTOSPI finds when the board is in an ordinary harness.
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 1

bench_config bench.conf <<'E2'
probe "CLIP" {
  layout = "spi-nor"
}
probe "SWD" {
}
E2
sed 's/layout = "spi-nor"/&\n  trace = "x.vcd"/' bench.conf >bad.conf
"$BIN/provline-bench" --check-config --config bad.conf 2>bad.log
expect "a trace of the clip" $? 2
bench_up bench.conf

flash() { # flashrom's arguments; output in flashrom.log
	timeout -k 5 400 "$BIN/provline-usbfs" --socket "$T/usb" -- \
		flashrom -p ft2232_spi:type=2232H,port=A,serial=CLIP "$@" >flashrom.log 2>&1
}
said() { grep -qE -- "$1" flashrom.log || fail "flashrom did not say '$1': $(tail -n 20 flashrom.log)"; }
holds() { # FILE OFFSET BYTES: that part of the NOR, as the bench knows it
	ctl "{\"cmd\":\"nor\",\"board\":\"B1\",\"file\":\"$T/nor.bin\"}" >/dev/null || fail "nor"
	cmp -i "$2:$2" -n "$3" "$1" nor.bin || fail "the NOR does not hold $1"
}

flash && fail "a flash chip without a board"
said 'No EEPROM/flash device found'
board_in CLIP B1

# Who it is, by its JEDEC id and by its SFDP.
flash # two definitions share the id
said 'Found Winbond flash chip "W25Q64JV-.Q" \(8192 kB, SPI\)'
flash -c "SFDP-capable chip" -VVV || fail "SFDP: $(tail -n 20 flashrom.log)"
said 'SFDP revision = 1.6'
said 'Flash chip size is 8192 kB'
said '4kB erase opcode is 0x20'
said 'Write chunk size is at least 64 B'
said 'Block eraser 1: 256 x 32768 B with opcode 0x52'
said 'Block eraser 2: 128 x 65536 B with opcode 0xd8'
echo "flashrom knows the part by its id and by its SFDP"

# A blank region, then other bytes over it, then nothing but erasing, each
# verified by reading back; the rest of the part stays as it was.
printf '00100000:0010ffff part\n' >layout
part() { flash -c "$1" -l layout -i part -N -w "$2" || fail "write $2: $(tail -n 20 flashrom.log)"; said 'VERIFIED'; }
head -c 8388608 /dev/urandom >one.bin
head -c 8388608 /dev/urandom >two.bin
head -c 8388608 /dev/zero | tr '\000' '\377' >blank.bin
part 'W25Q64JV-.Q' one.bin
holds one.bin 1048576 65536
part 'SFDP-capable chip' two.bin
holds two.bin 1048576 65536
part 'W25Q64JV-.Q' blank.bin
holds blank.bin 1048576 65536
tail -c +1114113 nor.bin | tr -d '\377' | cmp - /dev/null || fail "bytes after the region changed"
part 'W25Q64JV-.Q' one.bin
flash -c 'W25Q64JV-.Q' -r back.bin || fail "read: $(tail -n 20 flashrom.log)"
holds back.bin 0 8388608
flash -c 'W25Q64JV-.Q' --wp-status || fail "protection: $(tail -n 20 flashrom.log)"
said 'Protection mode: disabled'
echo "flashrom erased, wrote, verified and read"

# The same part from the other side.
board_out CLIP
board_in SWD B1
# OCTOSPI1, memory-mapped, read 03h (as in 310-debuggers).
openocd_runs -c "adapter serial SWD" -f target/stm32u5x.cfg -c init -c "reset halt" \
	-c "mww 0x46020C90 0x10" -c "mww 0x420D1400 0x30400001" -c "mww 0x420D1408 0x01160100" \
	-c "mww 0x420D140C 1" -c "mww 0x420D1508 0" -c "mww 0x420D1500 0x01002101" -c "mww 0x420D1510 0x03" \
	-c "dump_image mapped.bin 0x90100000 65536"
cmp -i 1048576:0 -n 65536 one.bin mapped.bin || fail "OCTOSPI reads other bytes than flashrom wrote"
board_out SWD
echo "OCTOSPI reads what flashrom wrote"

# It judges: parts with faults do not pass.
board_in CLIP B2 nor-missing
flash && fail "a missing NOR was found"
board_out CLIP
board_in CLIP B3 nor-wrong-size
flash
said 'Found Winbond flash chip "W25Q32.*4096 kB'
board_out CLIP
board_in CLIP B4 nor-bit-error
flash -c 'W25Q64JV-.Q' -l layout -i part -N -w one.bin && fail "a bit error passed"
said 'Verifying flash... FAILED at 0x0010'
echo "flashrom sees missing, wrong and bad parts"
