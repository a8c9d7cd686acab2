#!/bin/bash
# The engineer's way: keys by OpenSSL, an image by the command line, checked,
# refused when signed by another, given to a controller once and twice.
. "$(dirname "$0")/lib.sh"
line_up --stations 1
cd "$T" || exit 1

for k in release attest; do
	openssl ecparam -name prime256v1 -genkey -noout -out $k.pem
	openssl ec -in $k.pem -pubout -out $k.pub 2>/dev/null
done
head -c 28 /dev/urandom >sfi.key
chmod 600 sfi.key
FW=$BIN/../firmware
build() { # OUT [more options]
	provline image build "$@" --product P2 --release 2.1.0 --test "$FW/hardware-test.bin" \
		--kernel "$FW/kernel.bin" --app-test "$FW/app-test.bin" --app "$FW/app.bin" --sfi-key sfi.key \
		--fwid P2-SFI --attestation-key attest.pem --release-key release.pem
}
build a.pli >a.sha || fail "image build"
build b.pli >/dev/null && cmp a.pli b.pli || fail "the same input gave other bytes"
expect "printed hash" "$(cat a.sha)" "$(sha256sum a.pli | cut -c 1-64)"
provline image inspect a.pli
expect "parts" "$(provline image inspect a.pli --json | jq -r '[.parts[].type] | sort | join(" ")')" \
	"app app-test hardware-test kernel manifest"
expect "attestation key" "$(provline image inspect a.pli --json | jq -r .attestation_key)" \
	"$(openssl ec -in attest.pem -pubout -outform DER 2>/dev/null | tail -c 65 | xxd -p | tr -d '\n')"

# no secret stands in the clear: neither the hardware test nor the key inside it
openssl ec -in attest.pem -outform DER 2>/dev/null | tail -c +8 | head -c 32 | xxd -p | tr -d '\n' >key.hex
xxd -p a.pli | tr -d '\n' | grep -q "$(cat key.hex)" && fail "the attestation key is readable"
xxd -p a.pli | tr -d '\n' | grep -q "$(head -c 64 "$FW/hardware-test.bin" | xxd -p | tr -d '\n')" &&
	fail "the hardware test is readable"

provline image verify a.pli --release-key release.pub >/dev/null || fail "verify with the right key"
provline image verify a.pli --release-key attest.pub 2>err
expect "exit code with another key" $? 6
build c.pli --nor-bytes 70000000 2>err
expect "exit code of a wrong option" $? 2
[ ! -e c.pli ] || fail "half an image was written"

provline image import a.pli 2>err
expect "exit code for a key that the controller does not trust" $? 6
grep -q 'release key .* none of the 1 ' err || fail "the key is not named: $(cat err)"
cp release.pub "$WORK/controller/release-keys/p2.pem"
sha=$(provline image import a.pli --release-key release.pub) || fail "import"
expect "imported" "$sha" "$(cat a.sha)"
provline image import a.pli >again 2>err || fail "a second import"
expect "the second time" "$(cat again) $(cat err)" "$sha the controller has it already, imported: it waits for a second person's approval"
expect "images kept" "$(provline image list --json | jq '.images | length')" 2

# released by a second person, used, retired
provline lot create L2 --product P2 --image "$sha" --quantity 5 2>err
expect "exit code for a lot of an image that nobody approved" $? 3
provline image approve "$sha" 2>err
expect "exit code for approving one's own" $? 3
grep -q 'refused: an image is approved by another person' err || fail "$(cat err)"
expect "state" "$(PROVLINE_TOKEN_FILE=$SECOND_TOKEN_FILE provline image approve "$sha")" approved
provline image approve "$sha" 2>err
expect "exit code for approving twice" $? 3
expect "who" "$(provline image list --json | jq -r --arg s "$sha" \
	'.images[] | select(.sha256 == $s) | "\(.state) \(.imported_by) \(.approved_by)"')" "approved token:admin token:second"
provline lot create L2 --product OTHER --image "$sha" --quantity 5 2>err
expect "exit code for a lot of another product" $? 3
provline lot create L2 --product P2 --image "$sha" --quantity 5 >/dev/null || fail "lot create"
provline image retire "$sha" 2>err
expect "exit code for retiring what a lot needs" $? 3
grep -q 'lot L2 has this image' err || fail "$(cat err)"
provline lot start L2 >/dev/null && provline lot close L2 >/dev/null || fail "lot close"
expect "state" "$(provline image retire "$sha")" retired
provline lot create L3 --product P2 --image "$sha" --quantity 5 2>err
expect "exit code for a lot of a retired image" $? 3
kinds=$(sqlite3 "$WORK/controller/provline.db" "SELECT kind FROM records WHERE kind LIKE 'image-%' ORDER BY seq" | xargs)
expect "the record" "$kinds" \
	"image-imported image-approved image-refused image-imported image-approval-refused image-approved image-retired"
line_down
