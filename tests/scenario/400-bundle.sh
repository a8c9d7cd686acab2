#!/bin/bash
# A bundle of the cross-compiled application, judged by tools that others wrote:
# objcopy, unzip, sha256sum, protoc (both ways), openssl, and a ZIP packed by
# another hand. Then the worked example of docs/bundles.md, byte for byte.
. "$(dirname "$0")/lib.sh"
SCHEMA=$(realpath "$(dirname "$0")/../../proto/bundle")
FW=$(realpath "$BIN/../firmware")
cd "$T" || exit 1
umask 077 # a key that others can read is refused

for k in signer debug; do
	openssl ecparam -name prime256v1 -genkey -noout -out $k.pem
	openssl ec -in $k.pem -pubout -out $k.pub 2>/dev/null
done
point() { openssl ec -pubin -in "$1" -outform DER 2>/dev/null | tail -c 65; }
sha() { sha256sum | cut -c 1-64; }
escaped() { sed 's/../\\x&/g'; } # for protobuf's text form
decode() { protoc -I "$SCHEMA" --decode="bundle.$1" bundle.proto; }
encode() { protoc -I "$SCHEMA" --encode="bundle.$1" bundle.proto; }

# ROM: as objcopy makes it, from ELF, from HEX, from the raw bytes
arm-none-eabi-objcopy -O ihex "$FW/app.elf" app.hex
arm-none-eabi-objcopy -I ihex -O binary --gap-fill=0xff app.hex app.rom
build() { # ROM OUT [options]
	provline bundle build "$1" -o "$2" --load-address 0x0C100000 --key signer.pem \
		--debug-auth-pubkey debug.pub --connection-grace-time 30 --minimum-check-in-time 86400 \
		--maximum-politeness-time 60 --minimum-kernel-version 7 --minimum-restart-interval 100 \
		--maximum-restart-interval 60000 --crash-report-key debug.pub --crash-stack-bytes 256 "${@:3}"
}
build "$FW/app.elf" a.zip >a.sha || fail "bundle build"
expect "printed hash" "$(cat a.sha)" "$(sha <a.zip)"
build app.hex hex.zip >/dev/null && cmp a.zip hex.zip || fail "HEX gave another bundle than ELF"
TZ=Pacific/Apia LC_ALL=C build app.rom raw.zip >/dev/null && cmp a.zip raw.zip ||
	fail "raw bytes, or another time zone, gave another bundle"

# container, layer, hashes
unzip -tq a.zip >/dev/null || fail "unzip -t"
expect "entries" "$(unzip -Z1 a.zip | tr '\n' ' ')" "$(sha <app.rom) manifest "
unzip -q a.zip -d a
cmp a/"$(sha <app.rom)" app.rom || fail "the layer is not what objcopy makes"
cp app.rom app.flash
head -c $((0x100000 - $(stat -c %s app.rom))) /dev/zero | tr '\0' '\377' >>app.flash
measured=$(sha <app.flash)

# the manifest, written by protoc from text alone
signature=$(tail -c 64 a/manifest | xxd -p -c 64)
id=$( (printf '\0\0' && point signer.pub) | sha | cut -c 1-16)
debug=$(point debug.pub | xxd -p -c 65 | escaped)
cat >body.txt <<-END
	layers {
	  target { internal_flash { start: 0 size: 0x100000 } }
	  fetch_hash: "$(sha <app.rom | escaped)" measurement_hash: "$(echo "$measured" | escaped)"
	}
	debug { debug_auth_pubkey: "$debug" }
	crash { minimum_restart_ms: 100 maximum_restart_ms: 60000 crash_report_pubkey: "$debug" include_stack_bytes: 256 }
	update { maximum_politeness_time_sec: 60 minimum_kernel_version: 7 }
	connectivity { connection_grace_time_sec: 30 minimum_check_in_time_sec: 86400 }
END
(echo "signer_id: 0x$id body {" && cat body.txt && echo "} signature: \"$(echo "$signature" | escaped)\"") |
	encode AppManifest | cmp - a/manifest || fail "protoc writes another manifest"
decode OpaqueManifest <a/manifest | grep -q '^signer_id:' || fail "protoc --decode OpaqueManifest"

# the signature, by openssl alone
openssl_verify() { # BODY MANIFEST PUBLIC-KEY
	printf 'asn1=SEQUENCE:s\n[s]\nr=INTEGER:0x%s\ns=INTEGER:0x%s\n' \
		"$(tail -c 64 "$2" | xxd -p -l 32 -c 32)" "$(tail -c 32 "$2" | xxd -p -c 32)" >sig.conf
	openssl asn1parse -genconf sig.conf -out sig.der -noout
	(printf 'twlo-mv-manifest-v1\0' && cat "$1") | openssl dgst -sha256 -verify "$3" -signature sig.der >/dev/null
}
encode AppManifest.AppBody <body.txt >body
openssl_verify body a/manifest signer.pub || fail "openssl does not verify the signature"
openssl_verify body a/manifest debug.pub 2>/dev/null && fail "openssl verifies anything"

# what our own tools say
provline bundle verify a.zip --signer signer.pub >/dev/null || fail "bundle verify"
provline bundle inspect a.zip
provline bundle inspect a.zip --json >a.json
expect "inspect" "$(jq -r '[.signer_id, .signature, (.layers[0] | .fetch_sha256, .measurement_sha256, .length),
	.policy.crash.include_stack_bytes, .policy.debug.debug_auth_pubkey] | join(" ")' a.json)" \
	"$id $signature $(sha <app.rom) $measured $(stat -c %s app.rom) 256 $(point debug.pub | xxd -p -c 65)"

# other programs, with initialised data that runs from elsewhere: as objcopy makes them
for program in sfi-loader:0x0C000000 hardware-test:0x0C020000 kernel:0x0C060000 app-test:0x0C100000; do
	elf=$FW/${program%:*}.elf
	arm-none-eabi-objcopy -O ihex "$elf" p.hex
	arm-none-eabi-objcopy -I ihex -O binary --gap-fill=0xff p.hex p.rom
	provline bundle build "$elf" -o p.zip --load-address "${program#*:}" >/dev/null || fail "build of $elf"
	expect "layer of $elf" "$(unzip -Z1 p.zip | head -n 1)" "$(sha <p.rom)"
done

# without a key; without options: update and connectivity are there, empty
provline bundle build app.rom -o u.zip --load-address 0x0C100000 >/dev/null || fail "unsigned build"
unzip -p u.zip manifest | decode AppManifest >u.txt
expect "top fields of an unsigned manifest" "$(grep -E '^[a-z]' u.txt | cut -d ' ' -f 1)" body
expect "policies of a plain manifest" "$(grep -E '^  [a-z]' u.txt | tr -d ' {\n')" layersupdateconnectivity
provline bundle verify u.zip >verify.txt || fail "verify of an unsigned bundle"
grep -q 'not signed' verify.txt || fail "nothing said about the missing signature"

# packed by another hand: refused as ours, checked whole as foreign
(cd a && cmake -E tar cf ../foreign.zip --format=zip -- "$(sha <../app.rom)" manifest)
provline bundle verify foreign.zip 2>err
expect "exit code for a foreign archive" $? 6
provline bundle verify foreign.zip --foreign --signer signer.pub >/dev/null || fail "verify --foreign: $(cat err)"

# the worked example, with the published key of RFC 6979, A.2.5
cat >example.pem <<-END
	-----BEGIN EC PRIVATE KEY-----
	MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49
	AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8
	maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==
	-----END EC PRIVATE KEY-----
END
printf '\0\0\10\40\11\0\0\10Provline example' >example.bin
provline bundle build example.bin -o example.zip --key example.pem --minimum-check-in-time 3600 >/dev/null
expect "worked example" "$(sha <example.zip)" \
	6abdffe3e596cf6dad0a300db7bbe5ecaad88c913c190777488d166870d674f8
expect "its signer" "$(provline bundle inspect example.zip --json | jq -r .signer_id)" 70ef1a0f079d083a
