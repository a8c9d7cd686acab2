#!/bin/bash
# The signing key in a PKCS#11 token (SoftHSM2): what it signs verifies like any
# other bundle; a token signs with random numbers, so only the signature
# differs from one build to the next.
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 1
export SOFTHSM2_CONF=$T/softhsm2.conf
mkdir tokens
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$T" >"$SOFTHSM2_CONF"
MODULE=$(find /usr/lib -name libsofthsm2.so | head -n 1)
[ -n "$MODULE" ] || fail "SoftHSM2 is not installed"
umask 077
printf 24680 >pin
printf 11111 >wrong-pin
softhsm2-util --init-token --free --label brand --pin "$(cat pin)" --so-pin 13579 >/dev/null || fail "init-token"
# one key made inside the token, one brought in, one of a curve that will not do
pkcs11() { pkcs11-tool --module "$MODULE" --login --pin "$(cat pin)" "$@" 2>&1; }
pkcs11 --keypairgen --key-type EC:prime256v1 --label signer --id 01 >/dev/null || fail "keypairgen"
pkcs11 --keypairgen --key-type EC:secp384r1 --label large --id 02 >/dev/null || fail "keypairgen"
pkcs11 --read-object --type pubkey --id 01 --output-file signer.der >/dev/null || fail "read-object"
openssl ec -pubin -inform DER -in signer.der -out signer.pub 2>/dev/null || fail "openssl reads no key of the token"

printf '\0\0\10\40\11\0\0\10Provline example' >rom.bin
build() { # URI OUT [options]
	provline bundle build rom.bin --key "$1" -o "$2" "${@:3}"
}
URI="pkcs11:token=brand;object=signer"
build "$URI?module-path=$MODULE" a.zip --pin-file pin >/dev/null || fail "build with a token"
build "$URI?module-path=$MODULE&pin-source=file:$T/pin" b.zip >/dev/null || fail "build with pin-source"
for z in a b; do
	provline bundle verify $z.zip --signer signer.pub >/dev/null || fail "verify $z.zip"
	provline bundle inspect $z.zip --json | jq 'del(.signature)' >$z.json
done
cmp -s a.zip b.zip && fail "two signatures of the token are the same: is it the token that signed?"
cmp a.json b.json || fail "more than the signature differs"

# the signature by openssl alone
unzip -p a.zip manifest >manifest
printf 'asn1=SEQUENCE:s\n[s]\nr=INTEGER:0x%s\ns=INTEGER:0x%s\n' \
	"$(tail -c 64 manifest | xxd -p -l 32 -c 32)" "$(tail -c 32 manifest | xxd -p -c 32)" >sig.conf
openssl asn1parse -genconf sig.conf -out sig.der -noout
provline bundle build rom.bin -o u.zip >/dev/null # its manifest is 0x12, length, body
unzip -p u.zip manifest | tail -c +3 | (printf 'twlo-mv-manifest-v1\0' && cat) |
	openssl dgst -sha256 -verify signer.pub -signature sig.der >/dev/null || fail "openssl does not verify"

refused() { # EXIT-CODE WORDS URI [options]
	build "$3" bad.zip "${@:4}" 2>err
	expect "exit code of $3" $? "$1"
	grep -q "$2" err || fail "$3: '$2' is not in: $(cat err)"
	[ "$(wc -l <err)" = 1 ] && [ ! -e bad.zip ] || fail "$3: more than one line, or a file"
}
refused 5 'C_Login' "$URI?module-path=$MODULE" --pin-file wrong-pin
refused 1 'no private EC key' "pkcs11:token=brand;object=nobody?module-path=$MODULE" --pin-file pin
refused 1 'more than one private EC key' "pkcs11:token=brand?module-path=$MODULE" --pin-file pin
# every attribute counts, not those of token and key alone
for wrong in slot-id=99 slot-description=none slot-manufacturer=none library-manufacturer=none \
	library-description=none library-version=99; do
	refused 1 'fits 0 tokens' "$URI;$wrong?module-path=$MODULE" --pin-file pin
done
refused 1 'fits 0 tokens' "$URI?module-path=$MODULE&module-name=none" --pin-file pin
refused 2 'type= is not private' "$URI;type=public?module-path=$MODULE" --pin-file pin
build "$URI;type=private;library-manufacturer=SoftHSM?module-path=$MODULE" c.zip --pin-file pin >/dev/null || fail "type=private"
refused 2 'no P-256 public key' "pkcs11:token=brand;object=large?module-path=$MODULE" --pin-file pin
refused 1 'fits 0 tokens' "pkcs11:token=other?module-path=$MODULE" --pin-file pin
refused 1 'PKCS#11 module' "$URI?module-path=/nowhere.so" --pin-file pin
refused 2 'a PIN in an argument' "$URI?module-path=$MODULE&pin-value=24680"
refused 2 'PKCS#11 URI' 'pkcs11:object=%zz'
# no PIN, and no terminal to ask on
setsid -w "$BIN/provline" bundle build rom.bin --key "$URI?module-path=$MODULE" -o bad.zip 2>err
expect "exit code without a PIN" $? 5
grep -q 'token: PIN: .*--pin-file' err || fail "without a PIN: $(cat err)"
chmod 644 pin
refused 2 'pin' "$URI?module-path=$MODULE" --pin-file pin
