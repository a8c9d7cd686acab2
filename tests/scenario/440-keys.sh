#!/bin/bash
# Keys: made, judged by OpenSSL alone, used by every command that takes one,
# and refused in one line when the passphrase, the rights or the kind is wrong.
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 1
umask 077
PP='correct horse 1'
printf '%s\n' "$PP" >pp
printf 'wrong horse 1\n' >wrong
printf 'short\n' >short
sha() { sha256sum | cut -c 1-64; }
# refused EXIT-CODE WORDS ARGUMENTS...: without a terminal
refused() {
	setsid -w "$BIN/provline" "${@:3}" >/dev/null 2>err </dev/null
	local code=$?
	[[ $code =~ ^$1$ ]] || fail "exit code of ${*:3} is $code, not $1: $(cat err)"
	grep -q -- "$2" err || fail "${*:3}: '$2' is not in: $(cat err)"
	expect "lines of ${*:3}" "$(wc -l <err)" 1
	! grep -q horse err || fail "a passphrase in: $(cat err)"
}

# P-256 keys
for role in release signer attestation; do
	provline keys new $role $role.pem --passphrase-file pp --public $role.pub --json >$role.json || fail "keys new $role"
	expect "mode of $role.pem" "$(stat -c %a $role.pem)" 600
	openssl pkey -in $role.pem -passin file:pp -noout -check >/dev/null || fail "openssl pkey -check $role.pem"
	openssl pkey -in $role.pem -passin file:wrong -noout 2>/dev/null && fail "any passphrase opens $role.pem"
	openssl pkey -in $role.pem -passin file:pp -pubout | cmp - $role.pub || fail "$role.pub is another's"
	openssl pkey -pubin -in $role.pub -noout -text | grep -q 'NIST CURVE: P-256' || fail "no P-256 key"
	expect "fingerprint" "$(jq -r .fingerprint $role.json)" "$(openssl pkey -pubin -in $role.pub -outform DER | sha)"
	for key in $role.pem $role.pub; do
		expect "keys show $key" "$(provline keys show $key --passphrase-file pp --json | jq -cS 'del(.file)')" \
			"$(jq -cS 'del(.file, .role, .protection)' $role.json)"
	done
done
openssl asn1parse -in release.pem >release.asn1
for word in PBES2 scrypt aes-256-cbc; do grep -q $word release.asn1 || fail "release.pem without $word"; done
cmp -s release.pub signer.pub && fail "two keys are the same"
point() { openssl pkey -pubin -in "$1" -outform DER | tail -c 65; }
expect "release key id" "$(jq -r .release_key_id release.json)" "$(point release.pub | sha | cut -c 1-16)"
expect "signer id" "$(jq -r .signer_id signer.json)" "$( (printf '\0\0' && point signer.pub) | sha | cut -c 1-16)"

# an SFI key
provline keys new sfi sfi.key --passphrase-file pp --json >sfi.json || fail "keys new sfi"
expect "mode of sfi.key" "$(stat -c %a sfi.key)" 600
openssl cms -decrypt -inform PEM -in sfi.key -pwri_password "$PP" -out sfi.raw || fail "openssl cms -decrypt"
expect "bytes of an SFI key" "$(stat -c %s sfi.raw)" 28
expect "its fingerprint" "$(jq -r .fingerprint sfi.json)" "$( (printf provline-sfi-key-v1 && cat sfi.raw) | sha)"
for key in sfi.key sfi.raw; do
	expect "keys show $key" "$(provline keys show $key --passphrase-file pp --json | jq -r .fingerprint)" \
		"$(jq -r .fingerprint sfi.json)"
done

# in the clear, for a trial: as OpenSSL's own, and the other way round
provline keys new signer clear.pem --no-passphrase >/dev/null || fail "--no-passphrase"
openssl pkey -in clear.pem -noout -check >/dev/null || fail "openssl reads no key in the clear"
provline keys new sfi clear.key --no-passphrase >/dev/null
expect "bytes of a raw SFI key" "$(stat -c %s clear.key)" 28
openssl ecparam -name prime256v1 -genkey -noout -out theirs.pem
openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 4096 -in theirs.pem -passout file:pp -out pbkdf2.pem
openssl ec -in theirs.pem -aes256 -passout file:pp -out legacy.pem 2>/dev/null
theirs=$(provline keys show theirs.pem --json | jq -r .fingerprint)
for key in pbkdf2 legacy; do
	expect "fingerprint of $key.pem" "$(provline keys show $key.pem --passphrase-file pp --json | jq -r .fingerprint)" "$theirs"
done

# from standard input; the first of several that fits; a person at a terminal
provline keys show release.pem --passphrase-file - <pp >/dev/null || fail "passphrase on standard input"
provline keys show release.pem --passphrase-file wrong --passphrase-file pp >/dev/null || fail "the second passphrase"
# terminal COMMAND LINE...: each line typed when it is asked for; the screen
asked() { [ "$(grep -ao 'assphrase for' screen | wc -l)" -ge "$1" ]; }
terminal() {
	local command=$1 i=0 line
	shift
	rm -f screen
	touch screen
	for line in "$@"; do
		i=$((i + 1))
		wait_for 20 asked $i
		echo "$line"
	done | script -qefc "$BIN/provline $command" screen >/dev/null
}
terminal "keys new signer typed.pem" "$PP" "$PP" || fail "keys new at a terminal: $(cat screen)"
openssl pkey -in typed.pem -passin file:pp -noout -check >/dev/null || fail "another passphrase than was typed"
! grep -q horse screen || fail "the screen shows the passphrase"
terminal "keys new signer twice.pem" "$PP" "other horse" && fail "two different passphrases"
[ ! -e twice.pem ] || fail "a key with a passphrase that nobody knows"
terminal "keys show typed.pem" no "$PP" || fail "keys show at a terminal: $(cat screen)"
expect "questions" "$(grep -c 'Passphrase for typed.pem' screen)" 2
! grep -q horse screen || fail "the screen shows the passphrase"

# what is printed got there, or it is an error
for command in "keys show clear.pem" "keys show --help" "keys --help" --help --version; do
	# shellcheck disable=SC2086
	provline $command >/dev/full 2>err
	expect "exit code of $command on a full disk" $? 1
	# shellcheck disable=SC2086
	provline $command >&- 2>err
	expect "exit code of $command without standard output" $? 1
done
provline keys --help >help || fail "keys --help"
expect "commands in keys --help" "$(grep -c '^  keys ' help)" 2

# refused
cp release.pem before.pem
refused 3 'release.pem exists' keys new release release.pem --passphrase-file pp
cmp -s release.pem before.pem || fail "a refused key was written"
refused 2 'fewer than 8' keys new release x.pem --passphrase-file short
printf '\360\237\230\200\360\237\230\200\n' >two # characters, not bytes
refused 2 'fewer than 8' keys new release x.pem --passphrase-file two
refused 5 'needs a passphrase' keys new release x.pem
refused 2 'no-passphrase' keys new release x.pem --passphrase-file pp --no-passphrase
refused 2 'none of release' keys new root x.pem --passphrase-file pp
refused 2 'no public half' keys new sfi x.key --passphrase-file pp --public x.pub
refused 1 'x.pem' keys new release nowhere/x.pem --passphrase-file pp
refused 2 'seen by others' keys new release x.pem --passphrase "$PP"
refused 2 'seen by others' keys show release.pem "--passphrase=$PP"
for key in release.pem sfi.key; do
	refused 5 'does not open it' keys show $key --passphrase-file wrong
	refused 5 'needs a passphrase' keys show $key
	cp $key shared; chmod 640 shared
	refused 2 'others have rights' keys show shared --passphrase-file pp
done
rm -f shared
chmod 644 pp
refused 2 'others may read it' keys show release.pem --passphrase-file pp
chmod 600 pp
openssl genrsa -out rsa.pem 2048 2>/dev/null
refused 2 'no P-256 key' keys show rsa.pem
openssl ecparam -name secp384r1 -genkey -noout -out p384.pem
refused 2 'no P-256 key' keys show p384.pem
refused 2 'no key' keys show err
# another character in the PEM: never another key
sed "4s/[A-Za-y]/z/" sfi.key >bad.key
cmp -s sfi.key bad.key && fail "nothing was altered"
refused '[25]' . keys show bad.key --passphrase-file pp
# the public half where it may not be: no key is made, none is lost
refused 3 'release.pub exists' keys new release x.pem --passphrase-file pp --public release.pub
refused 2 'x.pem is the key' keys new release x.pem --passphrase-file pp --public x.pem --force
for key in signer.pem sfi.key; do
	cp $key before
	refused 3 "$key holds a secret key" keys new release x.pem --passphrase-file pp --public $key --force
	refused 3 "$key holds a secret key" keys show release.pem --passphrase-file pp --public $key --force
	cmp -s $key before || fail "$key was overwritten by a public key"
done
[ ! -e x.pem ] && [ ! -e x.key ] || fail "a refused command left a file"
provline keys new release release.pem --passphrase-file pp --force >/dev/null || fail "--force"
cmp -s release.pem before.pem && fail "--force made no new key"
openssl pkey -in release.pem -passin file:pp -pubout -out release.pub
ls -a | grep -E 'pem\..|key\..' && fail "a temporary file is left"

# the commands that take keys
printf '\0\0\10\40\11\0\0\10Provline example' >rom.bin
provline bundle build rom.bin -o a.zip --key signer.pem --passphrase-file pp >/dev/null || fail "bundle build"
provline bundle verify a.zip --signer signer.pub >/dev/null || fail "bundle verify"
refused 5 'signer.pem: the passphrase does not' bundle build rom.bin -o b.zip --key signer.pem --passphrase-file wrong
refused 5 'signer.pem: needs a passphrase' bundle build rom.bin -o b.zip --key signer.pem
FW=$BIN/../firmware
image=(--product P --release 1 --test "$FW/hardware-test.bin" --kernel "$FW/kernel.bin" --app-test "$FW/app-test.bin"
	--app "$FW/app.bin" --fwid P-SFI --attestation-key attestation.pem)
provline image build a.pli "${image[@]}" --sfi-key sfi.key --release-key release.pem --passphrase-file pp >/dev/null ||
	fail "image build"
provline image verify a.pli --release-key release.pub >/dev/null || fail "image verify"
provline image build b.pli "${image[@]}" --sfi-key sfi.raw --release-key release.pem --passphrase-file pp >/dev/null
cmp a.pli b.pli || fail "an SFI key in the clear gives another image than the same key under a passphrase"
refused 2 'cannot be the attestation key' image build c.pli "${image[@]}" --attestation-key release.pem --sfi-key sfi.raw \
	--release-key release.pem --passphrase-file pp
refused 5 'does not open it' image build c.pli "${image[@]}" --sfi-key sfi.raw --release-key release.pem --passphrase-file wrong
chmod 604 sfi.raw
refused 2 'sfi.raw: others have rights' image build c.pli "${image[@]}" --sfi-key sfi.raw --release-key release.pem --passphrase-file pp
[ ! -e b.zip ] && [ ! -e c.pli ] || fail "a refused command left a file"
