#!/bin/bash
# A line with boards of two kinds: harness H1 is wired for the reference board, H2
# for the B-U585I-IOT02A. A small lot of the kit's programs runs on H2 to a pass,
# the NOR, above 16 MiB too, holds the image; either kind of board in the other's
# harness fails by name, open as it came.
. "$(dirname "$0")/lib.sh"
EXAMPLE=$(realpath "$(dirname "$0")/../../deploy/provline-agent.conf")
line_up --stations 1 --harnesses 2
cd "$T" || exit 1
KIT=$BIN/../firmware/b-u585i-iot02a
CONF=$WORK/agent-S1.conf

# the agent's configuration: what it refuses, and where
"$BIN/provline-agent" --config "$EXAMPLE" --check-config || fail "the shipped example"
sed '/harness "H2"/a\  wiring = "breadboard"' "$CONF" >bad.conf
"$BIN/provline-agent" --config bad.conf --check-config 2>err
expect "exit code of an unknown wiring" $? 2
line=$(grep -n breadboard bad.conf | cut -d : -f 1)
grep -q "bad.conf:$line: wiring: bench or b-u585i-iot02a" err || fail "$(cat err)"
sed '/harness "H2"/a\  wiring = "b-u585i-iot02a"' "$CONF" >bad.conf
"$BIN/provline-agent" --config bad.conf 2>err
expect "exit code for the other board's loader" $? 2
grep -q 'harness H2: sfi_loader: .* is not for boards wired as b-u585i-iot02a' err || fail "$(cat err)"

# the station starts again with a harness for the kit
sed -i "/harness \"H2\"/a\  wiring = \"b-u585i-iot02a\"\n  sfi_loader = \"$KIT/sfi-loader.bin\"" "$CONF"
old=$(process agent-S1)
kill -KILL "$old"
again() { [ "$(process agent-S1)" != "$old" ] && grep -q "STARTED" <(tail -n 20 "$T/out/log/agent-S1.log"); }
wait_for 30 again

# the kit's image, with data that reach beyond 16 MiB
{ head -c 16777216 /dev/zero | tr '\0' '\377'; head -c 65536 /dev/urandom; } >data.bin
echo '{"nor": {"jedec_ids": ["c2853a"]}}' >expect.json
provline image build kit.pli --product KIT --release 1.0.0 --test "$KIT/hardware-test.bin" --kernel "$KIT/kernel.bin" \
	--app-test "$KIT/app-test.bin" --app "$KIT/app.bin" --data data.bin --sfi-key "$WORK/sfi.key" --fwid "$FWID" \
	--attestation-key "$WORK/attest.pem" --release-key "$WORK/release.pem" --nor-bytes 67108864 \
	--expect expect.json >/dev/null ||
	fail "image build"
sha=$(provline image import kit.pli --release-key "$WORK/release.pub") || fail "import"
PROVLINE_TOKEN_FILE=$SECOND_TOKEN_FILE provline image approve "$sha" >/dev/null || fail "approve"
provline lot create KIT --product KIT --image "$sha" --quantity 10 >/dev/null || fail "lot create"
provline assign KIT S1 H2 >/dev/null && provline lot start KIT >/dev/null || fail "lot start"
wait_for 30 grep -q "IMAGE_FETCH sha256=$sha" "$T/out/log/agent-S1.log"

# try PROBE SERIAL [KIND]: in, until the harness has a verdict, and out
KIND='"wiring":"b-u585i-iot02a","nor_part":"mx25lm51245g"'
try() {
	ctl "{\"cmd\":\"insert\",\"probe\":\"$1\",\"board\":{\"serial\":\"$2\"${3:+,$3}}}" >/dev/null || fail "insert $2"
	wait_for 120 lights "$1" '(.red or .green) and (.yellow | not)'
	board_out "$1"
	wait_for 30 lights "$1" '(.red or .green or .yellow) | not'
}
lights() {
	ctl '{"cmd":"state"}' | jq -e --arg p "$1" ".probes[] | select(.serial == \$p) | .lights | $2" >/dev/null
}
recorded() { [[ $(unit "$1" outcome) =~ ^(pass|fail|indeterminate)$ ]]; }
ends() { # LOT SERIAL OUTCOME FAILURE
	LOT=$1
	# the light of a failure does not wait for the record
	wait_for 60 recorded "$2"
	expect "outcome of $2" "$(unit "$2" outcome)" "$3"
	expect "failure of $2" "$(unit "$2" failure_code)" "$4"
}

size=$(stat -c %s kit.pli)
for serial in K1 K2; do
	try S1-H2 $serial "$KIND"
	ends KIT $serial pass ""
	ctl "{\"cmd\":\"nor\",\"board\":\"$serial\",\"file\":\"$T/nor.bin\"}" >/dev/null || fail "nor $serial"
	cmp -n "$size" nor.bin kit.pli || fail "the NOR of $serial differs from the image"
	expect "bytes of the NOR" "$(stat -c %s nor.bin)" 67108864
done
tests() { provline unit show "$(unit "$1" uid)" --json | jq '[.. | .measurements? // empty | .[] | select(.step == "hardware-test")] | length'; }
expect "measurements of the kit's hardware test" "$(tests K1)" 6
try S1-H2 K3 "\"wiring\":\"bench\""
ends KIT K3 fail nor-missing
try S1-H1 R1
ends DEMO R1 pass ""
try S1-H1 R2 "$KIND"
ends DEMO R2 fail nor-missing
# neither was touched: the loader is not in it, the port is open
for serial in K3 R2; do
	ctl "{\"cmd\":\"flash\",\"board\":\"$serial\",\"file\":\"$T/flash.bin\"}" >/dev/null || fail "flash $serial"
	[ -z "$(tr -d '\377' <flash.bin | head -c 1)" ] || fail "the flash of $serial was written"
done
line_down
