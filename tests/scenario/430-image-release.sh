#!/bin/bash
# Two releases by the command line out of the cross-compiled firmware, looked
# at by inspect, diff and extract. Judges: sha256sum, openssl, unzip, cmp, jq.
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 1
FW=$BIN/../firmware

for k in release attest signer; do
	openssl ecparam -name prime256v1 -genkey -noout -out $k.pem
	openssl ec -in $k.pem -pubout -out $k.pub 2>/dev/null
done
(umask 077 && head -c 28 /dev/urandom >sfi.key)
for a in app app-test; do
	provline bundle build "$FW/$a.elf" --load-address 0c100000 -o $a.zip --key signer.pem >$a.sha || fail "bundle $a"
done
cat >expect.json <<'EOF'
{ "nor": { "jedec_ids": ["ef4017", "c22817"] },
  "harness": { "fixture": "P2 fixture A", "modules": ["modem", "wifi"], "swclk_max_hz": 10000000 },
  "limits": { "wifi-networks": { "min": 1 }, "sim-rssi": { "min": -95, "max": -20, "unit": "dBm" } } }
EOF
build() { # OUT [more options]
	provline image build "$@" --product P2 --test "$FW/hardware-test.bin" --kernel "$FW/kernel.bin" \
		--app-test app-test.zip --sfi-key sfi.key --fwid P2-SFI --attestation-key attest.pem \
		--release-key release.pem --expect expect.json
}
build a.pli --release 2.1.0 --app app.zip >/dev/null || fail "build a"
build again.pli --release 2.1.0 --app app.zip >/dev/null && cmp a.pli again.pli || fail "other bytes the second time"

# ---- what inspect says, against the file
provline image inspect a.pli --json >a.json || fail "inspect --json"
provline image inspect a.pli --release-key release.pub >a.txt || fail "inspect"
[ "$(wc -L <a.txt)" -le 80 ] || fail "the drawing is wider than 80 columns"
expect "parts drawn" "$(grep -cE '^ +\| (header|manifest|app-test-bundle|app-bundle|hardware-test|kernel|app-test|app) ' a.txt)" 8
expect "encrypted parts" "$(jq -c '[.parts[] | select(.encrypted).type]' a.json)" '["hardware-test"]'
expect "programs off a 64 KiB boundary" \
	"$(jq '[.parts[] | select(.type | test("^(hardware-test|kernel|app-test|app)$")) | .offset % 65536] | add' a.json)" 0
jq -r '.parts[] | "\(.offset) \(.length) \(.sha256) \(.type)"' a.json | while read -r at len sha type; do
	expect "SHA-256 of $type" "$(tail -c +$((at + 1)) a.pli | head -c "$len" | sha256sum | cut -c 1-64)" "$sha"
done || exit 1
expect "SHA-256 of the first block" "$(head -c 65536 a.pli | tail -c +8193 | sha256sum | cut -c 1-64)" \
	"$(jq -r '.blocks[0].sha256' a.json)"
expect "SHA-256 of the second block" "$(head -c 131072 a.pli | tail -c 65536 | sha256sum | cut -c 1-64)" \
	"$(jq -r '.blocks[1].sha256' a.json)"
expect "blank sectors" "$(jq '[.blocks[].blank_sectors] | add' a.json)" \
	"$(split -b 4096 --filter='tr -d "\377" | wc -c' a.pli | grep -cx 0)"
expect "limit in the manifest" "$(jq -c '.manifest.limits["sim-rssi"]' a.json)" '{"max":-20,"min":-95,"unit":"dBm"}'
expect "bundle in the manifest" "$(jq -r '.manifest.parts.app.bundle.sha256' a.json)" "$(cat app.sha)"

# ---- header hash, signature and SFI binding by openssl
(head -c $((0xFA0)) a.pli; head -c 8192 a.pli | tail -c 4096) | openssl dgst -sha256 -binary >header.hash
cmp header.hash <(tail -c +$((0xFA0 + 1)) a.pli | head -c 32) || fail "header hash"
sig=$(tail -c +$((0xFC0 + 1)) a.pli | head -c 64 | xxd -p -c 64)
printf 'asn1=SEQUENCE:s\n[s]\nr=INTEGER:0x%s\ns=INTEGER:0x%s\n' "${sig:0:64}" "${sig:64}" >sig.conf
openssl asn1parse -genconf sig.conf -out sig.der -noout
openssl pkeyutl -verify -pubin -inkey release.pub -in header.hash -sigfile sig.der >/dev/null || fail "openssl rejects the signature"
(printf provline-image-v1; head -c $((0xF80)) a.pli; head -c 8192 a.pli | tail -c 4096) |
	openssl dgst -sha256 -mac HMAC -macopt "hexkey:$(xxd -p -c 28 sfi.key)" -binary |
	cmp - <(tail -c +$((0xF80 + 1)) a.pli | head -c 32) || fail "SFI binding"

# ---- extract: what went in comes out
provline image extract a.pli -o out >files || fail "extract"
expect "files" "$(wc -l <files)" 7
cmp out/kernel.bin "$FW/kernel.bin" || fail "kernel"
for a in app app-test; do # the one layer is what unzip finds under its hash
	sha=$(sha256sum out/$a.bin | cut -c 1-64)
	unzip -p $a.zip "$sha" | cmp - out/$a.bin || fail "layer of $a"
done
cmp out/app.zip app.zip && cmp out/app-test.zip app-test.zip || fail "bundles"
unzip -tq out/app.zip >/dev/null || fail "unzip"
jq -S . out/manifest.json | cmp - <(jq -S .manifest a.json) || fail "manifest"
cmp -s out/hardware-test.enc "$FW/hardware-test.bin" && fail "the hardware test is in the clear"
# AES-GCM is AES-CTR that begins at 2
openssl enc -d -aes-128-ctr -K "$(head -c 16 sfi.key | xxd -p)" -iv "$(tail -c 12 sfi.key | xxd -p)00000002" \
	-in out/hardware-test.enc -out plain || fail "openssl enc"
provline image extract a.pli -o plain.d --part hardware-test --key sfi.key >/dev/null || fail "extract --key"
expect "only what was asked for" "$(ls plain.d)" hardware-test.bin
cmp plain plain.d/hardware-test.bin || fail "decrypted otherwise than openssl does"
expect "its mode" "$(stat -c %a plain.d/hardware-test.bin)" 600
expect "bytes that differ from the program: the attestation key" \
	"$(cmp -l plain "$FW/hardware-test.bin" | awk '$1 <= 1072 || $1 > 1104' | wc -l)" 0
(umask 077 && head -c 28 /dev/urandom >other.key)
provline image extract a.pli -o no --part hardware-test --key other.key 2>err
expect "exit code with another SFI key" $? 6
[ ! -e no/hardware-test.bin ] || fail "something was decrypted"
provline image extract a.pli -o no --part nothing 2>err
expect "exit code for a part that is not there" $? 2

# ---- diff, against cmp
head -c 300000 /dev/urandom >data
build b.pli --release 2.1.1 --app out/app.bin --data data >/dev/null || fail "build b"
provline image diff a.pli a.pli --json >same.json || fail "diff of the same"
expect "rewritten for the same" "$(jq -c '[.rewrite.blocks, .rewrite.bytes, (.fields | length)]' same.json)" '[0,0,0]'
provline image diff a.pli b.pli --release-key release.pub >diff.txt || fail "diff"
[ "$(wc -L <diff.txt)" -le 80 ] || fail "diff is wider than 80 columns"
provline image diff a.pli b.pli --json >diff.json || fail "diff --json"
tail -c +1 a.pli >padded
head -c $(($(stat -c %s b.pli) - $(stat -c %s a.pli))) /dev/zero | tr '\0' '\377' >>padded
cmp -l padded b.pli | awk '{at = $1 - 1; s[int(at / 4096)]; b[int(at / 65536)]} END {
	for (i in s) ns++; for (i in b) nb++; printf "[%d,%d,%d]\n", nb, ns, NR}' >counted
expect "blocks, sectors, bytes" "$(jq -c '[.rewrite.blocks, .rewrite.sectors, .rewrite.bytes]' diff.json)" "$(cat counted)"
expect "states" "$(jq -r '[.parts[] | "\(.type)=\(.state)"] | sort | join(" ")' diff.json)" \
	"app-bundle=gone app-test-bundle=same app-test=same app=same data=new hardware-test=same header=changed kernel=same manifest=changed"
expect "release in diff" "$(jq -r '.fields[] | select(.name == "release") | "\(.old) \(.new)"' diff.json)" "2.1.0 2.1.1"

# ---- downgrades
provline image verify b.pli --not-older-than a.pli --release-key release.pub >/dev/null || fail "newer is refused"
provline image verify a.pli --not-older-than 2.1 >/dev/null || fail "2.1.0 is not older than 2.1"
provline image verify a.pli --not-older-than b.pli 2>err
expect "exit code of a downgrade" $? 6
grep -q 'a.pli: image at 0x00000048 (header): release 2.1.0 is older than 2.1.1' err || fail "$(cat err)"
provline image verify a.pli --not-older-than no-such.pli 2>err
expect "exit code for an image that is not there" $? 1
echo "releases are built, told apart and taken apart"
