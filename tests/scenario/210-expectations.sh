#!/bin/bash
# What the product manifest expects binds the line: the fixture before a board is
# touched, the clock while it is, the SPI flash's make before an erase, limits and
# what was not measured in the hardware test.
. "$(dirname "$0")/lib.sh"
line_up --stations 1
FW=$BIN/../firmware
LOG=$T/out/log/agent-S1.log
cd "$T" || exit 1

# lot NAME: released with the expectations on standard input, for S1
lot() {
	local sha
	cat >"$1.json"
	sha=$(provline image build "$1.pli" --product DEMO-1 --release 2.0.0 --test "$FW/hardware-test.bin" \
		--kernel "$FW/kernel.bin" --app-test "$FW/app-test.bin" --app "$FW/app.bin" --nor-bytes 8388608 \
		--sfi-key "$WORK/sfi.key" --fwid "$FWID" --attestation-key "$WORK/attest.pem" --release-key "$WORK/release.pem" \
		--expect "$1.json" && sha256sum "$1.pli" | cut -c 1-64) || fail "image of $1"
	sha=$(echo "$sha" | tail -n 1)
	provline image import "$1.pli" >/dev/null || fail "import $1"
	PROVLINE_TOKEN_FILE=$SECOND_TOKEN_FILE provline image approve "$sha" >/dev/null || fail "approve $1"
	LOT=$1
	provline lot create "$LOT" --product DEMO-1 --image "$sha" --quantity 5 >/dev/null || fail "lot $1"
	provline assign "$LOT" S1 >/dev/null || fail "assign $1"
	provline lot start "$LOT" >/dev/null || fail "start $1"
	wait_for 30 knows "$sha"
}
knows() { grep -q "IMAGE_EXPECTS .*sha256=$1" "$LOG"; } # the agent has read it
shown() { provline station show S1 --json | jq -r ".harnesses[0].$1"; }
attempt() { # SERIAL MEMBER: of its attempt
	provline unit show "$(unit "$1" uid)" --json | jq -r ".history[0].$2"
}
measured() { # SERIAL NAME: value, limits, verdict
	attempt "$1" "measurements[] | select(.name == \"$2\") | \"\(.low) \(.high) \(.pass)\""
}
account() { ctl "{\"cmd\":\"account\",\"board\":\"$1\"}" | jq ".account.$2"; }

echo "1. another fixture: no board is touched"
lot FIXTURE <<'EOF'
{ "nor": { "jedec_ids": ["ef4017", "c22817"] },
  "harness": { "fixture": "Bench 1", "modules": ["modem", "sim", "wifi"], "swclk_max_hz": 5000000 },
  "limits": { "qspi-size": { "min": 8388608, "unit": "B" }, "wifi-networks": { "min": 1, "max": 1000 } } }
EOF
refused() { [ "$(shown state)" = error ] && shown note | grep -q 'fixture "Bench 1" needed, none is configured'; }
wait_for 30 refused
ctl '{"cmd":"account-reset"}' >/dev/null
before=$(card_counter)
feed F1
is_in() { ctl '{"cmd":"state"}' | jq -e '.probes[0].board.serial == "F1"' >/dev/null; }
wait_for 10 is_in
sleep 2
refused || fail "the harness shows $(shown state): $(shown note)"
expect "clocks on SWD" "$(account F1 swclk_edge_count)" 0
expect "attempts" "$(grep -c ATTEMPT_BEGIN "$LOG")" 0
expect "units" "$(provline unit list --lot "$LOT" --json | jq length)" 0

echo "2. the fixture it needs; never faster than the image lets"
sed -i 's/^harness "H1" {/&\n  fixture = "Bench 1"/' "$WORK/agent-S1.conf"
"$BIN/provline-agent" --config "$WORK/agent-S1.conf" --check-config || fail "configuration"
kill -KILL "$(process agent-S1)" # and is started again
wait_for 90 left_line F1
expect_pass F1
grep -q 'SWD_CEILING harness=H1 clock_hz=5000000 reason="swclk_max_hz of the image"' "$LOG" || fail "no word of the ceiling"
hz=$(account F1 'swclk_edge_count / .account.wire_ns * 1000000000 | round')
[ "$hz" -le 5000000 ] && [ "$hz" -gt 4000000 ] || fail "SWCLK ran at $hz Hz"
expect "limits recorded" "$(measured F1 wifi-networks)" "1 1000 true"
expect "licences" $((before - $(card_counter))) 1

echo "3. a SPI flash of another make: named before anything is erased"
ctl '{"cmd":"feed","boards":[{"serial":"F2","nor_part":"w25q128jv"}]}' >/dev/null || fail "feed F2"
wait_for 90 left_line F2
expect_fail F2 nor-wrong-part
expect "why" "$(attempt F2 failure_text)" "JEDEC id ef4018, the product is built with ef4017, c22817"
expect "step" "$(attempt F2 failure_step)" spi-flash
expect "ns of erasing and programming" "$(account F2 'chip | .nor_erase_ns + .nor_program_ns')" 0
ctl "{\"cmd\":\"nor\",\"board\":\"F2\",\"file\":\"$T/F2.nor\"}" >/dev/null
expect "bytes in the SPI flash" "$(tr -d '\377' <F2.nor | wc -c)" 0

echo "4. a limit that is tighter than the firmware's own"
lot TIGHT <<'EOF'
{ "limits": { "wifi-networks": { "min": 50 } } }
EOF
run_board F3
expect_fail F3 wifi
expect "limits recorded" "$(measured F3 wifi-networks)" "50  false"
attempt F3 failure_text | grep -q 'wifi-networks is [0-9]* , limits 50 to' || fail "$(attempt F3 failure_text)"
hz=$(account F3 'swclk_edge_count / .account.wire_ns * 1000000000 | round')
[ "$hz" -gt 5000000 ] || fail "SWCLK still runs at $hz Hz"

echo "5. what nobody measured"
lot MISSING <<'EOF'
{ "limits": { "rail-mv": { "min": 3200, "max": 3400, "unit": "mV" } } }
EOF
run_board F4
expect_fail F4 firmware-unknown
attempt F4 failure_text | grep -q 'rail-mv was not measured, the product.s limits are 3200 to 3400 mV' ||
	fail "$(attempt F4 failure_text)"
expect "step" "$(attempt F4 failure_step)" hardware-test
line_down
