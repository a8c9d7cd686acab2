#!/bin/bash
# What the virtual board's SPI flash holds is the released image, byte for byte,
# read by the bench itself; a board that fails keeps nobody from the next.
. "$(dirname "$0")/lib.sh"
line_up --stations 1

run_board N1
expect_pass N1
run_board N2 nor-missing
expect_fail N2 nor-missing
run_board N3
expect_pass N3

size=$(stat -c %s "$T/out/image.pli")
for serial in N1 N3; do
	ctl "{\"cmd\":\"nor\",\"board\":\"$serial\",\"file\":\"$T/$serial.nor\"}" >/dev/null || fail "nor $serial"
	cmp -n "$size" "$T/$serial.nor" "$T/out/image.pli" || fail "NOR of $serial differs from the image"
done
line_down
