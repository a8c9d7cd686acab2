#!/bin/bash
# Keys that a PKCS#11 token (SoftHSM2) makes and never gives away: seen by
# pkcs11-tool, used for a bundle and an image, never made twice.
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 1
umask 077
export SOFTHSM2_CONF=$T/softhsm2.conf
mkdir tokens
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$T" >"$SOFTHSM2_CONF"
MODULE=$(find /usr/lib -name libsofthsm2.so | head -n 1)
[ -n "$MODULE" ] || fail "SoftHSM2 is not installed"
printf 24680 >pin
printf 11111 >wrong-pin
softhsm2-util --init-token --free --label brand --pin "$(cat pin)" --so-pin 13579 >/dev/null || fail "init-token"
uri() { echo "pkcs11:token=brand${1:+;object=$1}?module-path=$MODULE"; }
pkcs11() { pkcs11-tool --module "$MODULE" --login --pin "$(cat pin)" "$@" 2>&1; }
refused() { # EXIT-CODE WORDS ARGUMENTS...: without a terminal
	setsid -w "$BIN/provline" "${@:3}" >/dev/null 2>err </dev/null
	expect "exit code of ${*:3}" $? "$1"
	grep -q -- "$2" err || fail "${*:3}: '$2' is not in: $(cat err)"
	expect "lines of ${*:3}" "$(wc -l <err)" 1
}

for role in release signer; do
	provline keys new $role "$(uri $role)" --pin-file pin --public $role.pub --json >$role.json || fail "keys new $role"
	expect "protection" "$(jq -r .protection $role.json)" token
	expect "keys show" "$(provline keys show "$(uri $role)" --pin-file pin --json | jq -r .fingerprint)" \
		"$(jq -r .fingerprint $role.json)"
	pkcs11 --read-object --type pubkey --label $role --output-file $role.der >/dev/null || fail "read-object"
	openssl pkey -pubin -inform DER -in $role.der -pubout | cmp - $role.pub || fail "pkcs11-tool reads another key"
	pkcs11 --list-objects --type privkey | grep -A 9 "label: *$role" >object || fail "no private key $role"
	grep -q 'sensitive' object && grep -q 'never extractable' object || fail "a key that can leave the token: $(cat object)"
	grep -q 'Usage: *sign$' object || fail "a key for more than signatures: $(cat object)"
done

printf '\0\0\10\40\11\0\0\10Provline example' >rom.bin
provline bundle build rom.bin -o a.zip --key "$(uri signer)" --pin-file pin >/dev/null || fail "bundle build"
provline bundle verify a.zip --signer signer.pub >/dev/null || fail "bundle verify"
FW=$BIN/../firmware
provline keys new sfi sfi.key --no-passphrase >/dev/null || fail "keys new sfi"
provline keys new attestation attestation.pem --no-passphrase >/dev/null || fail "keys new attestation"
provline image build a.pli --product P --release 1 --test "$FW/hardware-test.bin" --kernel "$FW/kernel.bin" \
	--app-test "$FW/app-test.bin" --app "$FW/app.bin" --fwid P-SFI --sfi-key sfi.key \
	--attestation-key attestation.pem --release-key "$(uri release)" --pin-file pin >/dev/null || fail "image build"
provline image verify a.pli --release-key release.pub >/dev/null || fail "image verify"
provline image verify a.pli --release-key signer.pub 2>/dev/null && fail "any key verifies the image"

# a public half that cannot be written: told before there is a key
refused 3 'release.pub exists' keys new signer "$(uri other)" --pin-file pin --public release.pub
refused 3 'has an object "release"' keys new release "$(uri release)" --pin-file pin
refused 2 'no object=' keys new release "$(uri '')" --pin-file pin
refused 5 'C_Login' keys new signer "$(uri other)" --pin-file wrong-pin
refused 5 'token: PIN' keys new signer "$(uri other)"
refused 1 'fits 0 tokens' keys new signer "pkcs11:token=none;object=x?module-path=$MODULE" --pin-file pin
refused 2 'test program' keys new attestation "$(uri attest)" --pin-file pin
refused 2 'onto the card' keys new sfi "$(uri sfi)" --pin-file pin
refused 2 'for files' keys new signer "$(uri other)" --pin-file pin --force
refused 1 'no private EC key' keys show "$(uri other)" --pin-file pin
expect "private keys in the token" "$(pkcs11 --list-objects --type privkey | grep -c 'Private Key Object')" 2
