#!/bin/bash
# One byte of the image is altered: on the station's disk it is seen before a board
# gets it; in the file it is seen by inspect and import, with the place.
. "$(dirname "$0")/lib.sh"
line_up --stations 1

cp "$T/out/image.pli" "$T/bad.pli"
printf '\x5a' | dd of="$T/bad.pli" bs=1 seek=20000 conv=notrunc 2>/dev/null
provline image verify "$T/bad.pli" 2>"$T/err" && fail "an altered image verified"
code=$?
provline image import "$T/bad.pli" 2>>"$T/err"
expect "exit code of import" $? 6
grep -q 'integrity: .* 0x' "$T/err" || fail "no place named: $(cat "$T/err")"

sha=$(sha256sum "$T/out/image.pli" | cut -c 1-64)
cached=$(find "$WORK/agent-S1" -name "$sha*" -type f | head -n 1)
if [ -z "$cached" ]; then
	run_board G0
	cached=$(find "$WORK/agent-S1" -name "$sha*" -type f | head -n 1)
fi
[ -n "$cached" ] || fail "the agent has no cached image"
printf '\x5a' | dd of="$cached" bs=1 seek=20000 conv=notrunc 2>/dev/null
run_board G1
# the altered copy is set aside before a board gets a byte of it, and fetched anew
expect_pass G1
grep -q "IMAGE_ALTERED sha256=$sha" "$T/out/log/agent-S1.log" || fail "passed with an altered image, silently"
[ -e "${cached%.pli}.bad" ] || fail "the altered copy is gone"
expect "the copy now" "$(sha256sum "$cached" | cut -c 1-64)" "$sha"
ctl "{\"cmd\":\"nor\",\"board\":\"G1\",\"file\":\"$T/G1.nor\"}" >/dev/null
cmp -n "$(stat -c %s "$T/out/image.pli")" "$T/G1.nor" "$T/out/image.pli" || fail "altered bytes went to the board"
line_down
