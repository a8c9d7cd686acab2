#!/bin/bash
# What must not become a bundle, and what must not pass as one: one line each,
# with the part and the offset, and the contract's exit code.
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 1
openssl ecparam -name prime256v1 -genkey -noout -out signer.pem
openssl ecparam -name prime256v1 -genkey -noout -out other.pem
openssl ecparam -name secp384r1 -genkey -noout -out p384.pem
openssl genrsa -out rsa.pem 2048 2>/dev/null
printf '\0\0\10\40\11\0\0\10Provline example' >rom.bin

refused() { # EXIT-CODE WORDS COMMAND...
	local code=$1 words=$2
	shift 2
	provline "$@" >out 2>err
	expect "exit code of provline $*" $? "$code"
	expect "lines on stderr of provline $*" "$(wc -l <err)" 1
	grep -q -- "$words" err || fail "provline $*: '$words' is not in: $(cat err)"
	[ ! -e bad.zip ] || fail "provline $*: a file was written"
}

# ---- build
refused 2 'give one ROM' bundle build -o bad.zip
refused 2 '--output is missing' bundle build rom.bin
refused 2 'is not a number from 0 to 4294967295' bundle build rom.bin -o bad.zip --minimum-check-in-time 4294967296
refused 2 'is not a number from 0 to 4294967295' bundle build rom.bin -o bad.zip --connection-grace-time -1
refused 2 'is not a hexadecimal' bundle build rom.bin -o bad.zip --load-address 0x08000001
refused 2 'reset vector' bundle build rom.bin -o bad.zip --load-address 0x0C100000
refused 2 'rsa.pem: no P-256 key' bundle build rom.bin -o bad.zip --key rsa.pem
refused 2 'p384.pem: no P-256 key' bundle build rom.bin -o bad.zip --debug-auth-pubkey p384.pem
refused 2 'crash report key is missing' bundle build rom.bin -o bad.zip --crash-stack-bytes 64
refused 2 'is not a number' bundle build rom.bin -o bad.zip --minimum-check-in-time ' 5'
refused 2 'is not a number' bundle build rom.bin -o bad.zip --minimum-check-in-time +5
refused 2 'is not a hexadecimal' bundle build rom.bin -o bad.zip --load-address -fffffffff8000000 # 2^64 less that
refused 2 '--key needs a value' bundle build rom.bin -o bad.zip --key ''
refused 2 'unknown option --passwort;' bundle build rom.bin -o bad.zip --passwort=s3cret
refused 2 'unknown option -x;' bundle build rom.bin -o bad.zip -xo
cp other.pem shared.pem && chmod 644 shared.pem
refused 2 'others have rights' bundle build rom.bin -o bad.zip --debug-auth-pubkey shared.pem
mkfifo fifo
refused 2 'fifo: not a regular file' bundle build rom.bin -o fifo
[ -p fifo ] || fail "a FIFO was replaced by a file"
refused 1 'nowhere.elf: No such file' bundle build nowhere.elf -o bad.zip
(cat rom.bin && head -c $((0x100000 - 24)) /dev/zero) >mib.bin
refused 2 'must end below 0x08100000' bundle build mib.bin -o bad.zip
refused 2 'ELF, but not for a little-endian 32-bit Arm' bundle build "$BIN/provline" -o bad.zip
head -c 3000 "$BIN/../firmware/app.elf" >cut.elf
refused 2 'cut.elf: ELF' bundle build cut.elf -o bad.zip
printf ':020000040800F2\r\n:0800000000000820090000080F\n' >cut.hex
refused 2 'HEX line 2, offset 0x2c: the checksum' bundle build cut.hex -o bad.zip

# ---- verify
(cat rom.bin && seq 9000) >big.bin
provline bundle build big.bin -o good.zip --key signer.pem >/dev/null || fail "build"
provline bundle verify good.zip --signer signer.pem >/dev/null || fail "verify of the good one"
size=$(stat -c %s good.zip)
refused 6 'manifest at 0x.*: signed by' bundle verify good.zip --signer other.pem
refused 6 'manifest at 0x.*: signed by' bundle inspect good.zip --signer other.pem

altered() { # OFFSET WORDS: one bit of the good file
	cp good.zip x.zip
	printf "\\x$(printf %02x $((0x$(xxd -s "$1" -l 1 -p good.zip) ^ 4)))" |
		dd of=x.zip bs=1 seek="$1" conv=notrunc status=none
	refused 6 "x.zip: $2" bundle verify x.zip
}
altered 0 'header 0 at 0x00000000: '
altered 11 'header 0 at 0x0000000b: '
altered 40 'header 0 at 0x00000028\|directory at 0x' # a name: its other copy may be the first to differ
altered 5000 'layer 0 at 0x'
altered $((size - 22 - 54 - 110)) 'directory at 0x'
altered $((size - 22)) 'end record at 0x'
altered $((size - 1)) "end record at 0x$(printf %08x $((size - 1))): "
for ((i = 0; i < 40; i++)); do
	altered $((size * i / 40 + i % 7)) '.* at 0x'
done
for cut in 0 1 29 100 $((size / 2)) $((size - 23)) $((size - 1)); do
	head -c "$cut" good.zip >x.zip
	refused 6 'x.zip: .* at 0x' bundle verify x.zip
done
(cat good.zip && printf '\0') >x.zip
refused 6 "x.zip: archive at 0x$(printf %08x "$size"): 1 bytes behind its end" bundle verify x.zip
head -c 17000000 /dev/zero | (cat good.zip -) >x.zip
refused 6 'x.zip: archive at 0x01000000: ' bundle verify x.zip
provline bundle build big.bin -o u.zip >/dev/null
refused 6 'manifest at 0x.*: it is not signed' bundle verify u.zip --signer signer.pem
