#!/bin/bash
# Debian's openocd takes a chip through its life cycle: RDP levels 0, 0.5 and 1,
# TrustZone, and the two regressions with what they erase. What openocd reads is
# compared with what the bench says is in the flash.
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 1

bench_config bench.conf <<'E2'
probe "PV0001" {
}
E2
bench_up bench.conf
ocd() { openocd_runs -f target/stm32u5x.cfg -c init -c "poll off" "$@"; }
says() { grep -q "$1" ocd.log || fail "openocd did not say \"$1\": $(tail -n 20 ocd.log)"; }
option() { # VALUE MASK: of OPTR; in force from the next power-up
	ocd -c "stm32l4x option_write 0 0x40 $1 $2"
	says "Option written"
	power_cycle
}
power_cycle() {
	board_out PV0001
	board_in PV0001 B1
}
# words ADDRESS: two words as openocd reads them, or "none"
words() {
	ocd -c "if {[catch {read_memory $1 32 2} w]} {set w none}; echo \"words \$w\""
	sed -n 's/^words //p' ocd.log
}
# flash PAGE: two words of it as the bench has them
flash() {
	ctl "{\"cmd\":\"flash\",\"board\":\"B1\",\"file\":\"$T/flash.bin\"}" >/dev/null || fail "flash"
	od -An -v -tx4 -j $(($1 * 8192)) -N 8 flash.bin | sed 's/^ *\([0-9a-f]*\) */0x\1 0x/'
}
BLANK="0xffffffff 0xffffffff"
head -c 8192 /dev/urandom >in.bin
WORDS=$(od -An -v -tx4 -N 8 in.bin | sed 's/^ *\([0-9a-f]*\) */0x\1 0x/; s/0x0*\([0-9a-f]\)/0x\1/g')
program() { # the same on pages 2 and 20
	ocd -c "reset halt" -c "flash write_image erase in.bin 0x08004000 bin" \
		-c "flash write_image erase in.bin 0x08028000 bin" "$@"
}

board_in PV0001 B1
program -c "stm32l4x lock 0"
power_cycle
ocd -c "stm32l4x option_read 0 0x40"
says "RDP level 1"
expect "flash at level 1" "$(words 0x08004000)" none
expect "SRAM2 at level 1" "$(words 0x20030000)" none
[ "$(words 0x20000000)" != none ] || fail "SRAM1 cannot be read at level 1"
# openocd gives option bytes 50 ms; this time they wait for the mass erase
ocd -c "catch {stm32l4x unlock 0}" -c "sleep 1000"
power_cycle
expect "flash after level 1 to 0" "$(words 0x08004000)" "$BLANK"
flash 0 >/dev/null
expect "bytes left in flash" "$(tr -d '\377' <flash.bin | wc -c)" 0
echo "level 1 hides flash and SRAM2; level 0 costs all of it"

program
option 0x80000000 0x80000000
ocd -c "reset halt" -c "stm32l4x option_write 0 0x50 0xFF8FFF80 0xFFFFFFFF" \
	-c "stm32l4x option_write 0 0x60 0xFF80FFFF 0xFFFFFFFF"
says "CPU in Secure state"
says "TZEN = 1"
option 0x55 0xFF
ocd -c "stm32l4x option_read 0 0x40"
says "RDP level 0.5"
expect "secure page at level 0.5" "$(words 0x08004000)" "0x0 0x0"
expect "secure page by its alias" "$(words 0x0C004000)" none
expect "open page at level 0.5" "$(words 0x08028000)" "$WORDS"
echo "level 0.5 hides the secure part only"

ocd -c "catch {stm32l4x option_write 0 0x40 0xAA 0xFF}"
power_cycle
ocd -c "stm32l4x option_read 0 0x40"
says "RDP level 0.5"
ocd -c "catch {stm32l4x option_write 0 0x40 0x0 0x80000000}"
power_cycle
ocd -c "stm32l4x option_read 0 0x40"
says "TZEN = 1"
echo "no way from level 0.5 to 0, nor out of TrustZone"

option 0xDC 0xFF
expect "open page at level 1" "$(words 0x08028000)" none
secure=$(flash 2)
ocd -c "catch {stm32l4x option_write 0 0x40 0x55 0xFF}" -c "sleep 1000"
power_cycle
expect "open page after level 1 to 0.5" "$(words 0x08028000)" "$BLANK"
expect "secure page after level 1 to 0.5" "$(flash 2)" "$secure"
[ "$secure" != "$BLANK" ] || fail "the secure page was blank before"
option 0xDC 0xFF
ocd -c "catch {stm32l4x option_write 0 0x40 0xAA 0x800000FF}" -c "sleep 1000"
power_cycle
ocd -c "stm32l4x option_read 0 0x40"
says "TZEN = 0"
says "RDP level 0 "
expect "secure page after level 1 to 0" "$(words 0x08004000)" "$BLANK"
echo "level 1 to 0.5 erases the open part, 1 to 0 everything and TrustZone"
