#!/bin/bash
# Whatever is wrong with an image file is told in one line that names part and
# offset, with exit code 6; by verify, inspect, diff and extract alike.
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 1
FW=$BIN/../firmware

for k in release attest other; do
	openssl ecparam -name prime256v1 -genkey -noout -out $k.pem
	openssl ec -in $k.pem -pubout -out $k.pub 2>/dev/null
done
(umask 077 && head -c 28 /dev/urandom >sfi.key)
provline bundle build "$FW/app.elf" --load-address 0c100000 -o app.zip --key other.pem >/dev/null || fail "bundle"
build() { # OUT [more options]
	provline image build "$@" --product P2 --release 1.0 --test "$FW/hardware-test.bin" --kernel "$FW/kernel.bin" \
		--app-test "$FW/app-test.bin" --app app.zip --sfi-key sfi.key --fwid P2-SFI \
		--attestation-key attest.pem --release-key release.pem --align 4096
}
build good.pli >/dev/null || fail "build"
size=$(stat -c %s good.pli)

# refused PATTERN [option...]: bad.pli is, for a reason that PATTERN matches
refused() {
	local pattern=$1 code
	shift
	provline image verify bad.pli "$@" >out 2>err
	code=$?
	expect "exit code ($pattern)" $code 6
	expect "lines on stderr ($pattern)" "$(wc -l <err)" 1
	[ ! -s out ] || fail "said something on stdout: $(cat out)"
	grep -qE "^provline: integrity: bad.pli: image at 0x[0-9a-f]{8} \(([a-z-]+)\): " err || fail "no part and offset: $(cat err)"
	grep -qE "$pattern" err || fail "\"$pattern\" is not in: $(cat err)"
}
# flip AT: a bit of that byte
flip() {
	local byte
	byte=$(xxd -s "$1" -l 1 -p good.pli)
	cp good.pli bad.pli
	printf '%02x' $((0x$byte ^ 1 << ($1 % 8))) | xxd -r -p | dd of=bad.pli bs=1 seek="$1" conv=notrunc status=none
}
# patch AT HEX: bytes of the header, and then the header's hash put right
patch() {
	cp good.pli bad.pli
	printf '%s' "$2" | xxd -r -p | dd of=bad.pli bs=1 seek="$1" conv=notrunc status=none
	(head -c $((0xFA0)) bad.pli; head -c 8192 bad.pli | tail -c 4096) | openssl dgst -sha256 -binary >hash
	dd if=hash of=bad.pli bs=1 seek=$((0xFA0)) conv=notrunc status=none
}

# ---- cut and extended
for len in 0 1 4095 4097 8192 20000 $((size - 1)); do
	head -c "$len" good.pli >bad.pli
	refused 'is cut short'
done
(cat good.pli; printf x) >bad.pli
refused '\(app\): 1 bytes behind its end'
(cat good.pli good.pli) >bad.pli
refused 'bytes behind its end'
head -c 9000 /dev/urandom >bad.pli
refused '0x00000000 \(header\): is no image'
printf 'a short letter' >bad.pli
refused '0x00000000 \(header\): is no image'

# ---- headers that lie, with a right hash
patch $((0x008)) 01000000; refused 'another format version'
patch $((0x010)) 00000005; refused 'a size that is not possible'
entry=$((0x100)) # the manifest's; the next one 112 bytes on: the bundle, the hardware test, ...
test=$((entry + 2 * 112))
kernel=$((entry + 3 * 112))
patch $((test + 8)) 01400000; refused '0x000001e0 \(hardware-test\): .*misaligned'
patch $((test + 8)) 00200000; refused '0x000001e0 \(hardware-test\): .*overlaps'
patch $((kernel + 8)) 00500000; refused '0x00000250 \(kernel\): .*overlaps'
patch $((kernel + 12)) ffffffff; refused '\(kernel\): .*out of range'
patch $((kernel)) 02000000; refused '0x00000250 .header'
patch $((0x028)) 00; refused '0x00000028 \(header\): has a field'
# a right hash under a signature of something else
patch $((0x048)) 39; provline image verify bad.pli >/dev/null 2>&1 && fail "a manifest of another release"
refused '\(manifest\)|\(header\)'

# ---- signed by whom
cp good.pli bad.pli
refused '0x000000d0 \(header\): is signed by another key' --release-key other.pub
flip $((0xFC8))
refused '0x00000fc0 \(header\): signature is not valid' --release-key release.pub

# ---- one bit, in every kind of place
provline image inspect good.pli --json | jq -r '.parts[] | "\(.offset) \(.length) \(.type)"' >parts
places="0 8 12 16 20 24 28 32 36 45 80 105 130 187 195 212 230 300 400 1000 1300 3000 3970 4000 4032 4063 4064 4095 4096 4127 4200 8191"
while read -r at len type; do
	places="$places $at $((at + len / 2)) $((at + len - 1))"
	[ $((len % 4096)) = 0 ] || places="$places $((at + len)) $(((at + len + 4095) / 4096 * 4096 - 1))"
done <parts
for at in $places; do
	flip "$at"
	refused "0x" # nobody told verify whose signature it must be
	named=$((0x$(sed -E 's/.*image at 0x([0-9a-f]{8}).*/\1/' err)))
	if [ "$at" -ge 8192 ]; then
		type=$(awk -v at="$at" '$1 <= at {type = $3} END {print type}' parts)
		grep -q "($type)" err || fail "a bit at $at is of $type: $(cat err)"
		[ $named -le "$at" ] || fail "a bit at $at is named $named"
	fi
done

# ---- the other commands
flip $((size - 1))
for command in "inspect bad.pli" "diff good.pli bad.pli" "diff bad.pli good.pli" "extract bad.pli -o none"; do
	# shellcheck disable=SC2086
	provline image $command >/dev/null 2>err
	expect "exit code of $command" $? 6
	grep -q 'bad.pli: image at 0x' err || fail "$command: $(cat err)"
done
[ ! -e none ] || fail "something was extracted"
(umask 077 && head -c 28 /dev/urandom >wrong.key)
provline image extract good.pli -o none --key wrong.key 2>err
expect "exit code with another SFI key" $? 6
[ ! -e none ] || fail "something was extracted, with another SFI key"

# ---- what was there before a file that cannot be written stays
mkdir parts.d && echo before >parts.d/kernel.bin && ln -s kernel.bin parts.d/app.bin
(ulimit -f 10 && trap '' XFSZ && provline image extract good.pli -o parts.d --part kernel 2>err)
expect "exit code with a limit to files" $? 1
expect "kernel.bin" "$(cat parts.d/kernel.bin)" before
provline image extract good.pli -o parts.d --part app 2>err
expect "exit code with a link in the way" $? 2
expect "files" "$(ls parts.d | tr '\n' ' ')$(cat parts.d/kernel.bin)" "app.bin kernel.bin before"
(ulimit -f 10 && trap '' XFSZ && build big.pli >/dev/null 2>err)
expect "exit code of build with a limit to files" $? 1
grep -q 'io: big.pli: File too large' err || fail "build does not say which file: $(cat err)"
ls | grep -q '^big.pli' && fail "half an image stayed"
mkfifo fifo
for command in "verify fifo" "diff good.pli fifo"; do
	# shellcheck disable=SC2086
	timeout 20 "$BIN/provline" image $command 2>err
	expect "exit code of $command" $? 2
done
timeout 20 "$BIN/provline" image build none.pli --product 'two words' --release 1.0 --test "$FW/hardware-test.bin" \
	--kernel "$FW/kernel.bin" --app-test "$FW/app-test.bin" --app app.zip --sfi-key sfi.key --fwid P2-SFI \
	--attestation-key attest.pem --release-key release.pem 2>err
expect "exit code for a product with a space" $? 2
grep -q 'product name "two words": 1 to 31' err || fail "what a name may be: $(cat err)"

# ---- what goes in is checked as well
printf '\x00' | dd of=app.zip bs=1 seek=200 conv=notrunc status=none
build none.pli >/dev/null 2>err
expect "exit code with a damaged bundle" $? 6
grep -q 'app: app.zip: .* at 0x' err || fail "$(cat err)"
[ ! -e none.pli ] || fail "half an image was written"
ls | grep -q 'none.pli' && fail "a temporary file stayed"
echo "damaged images are refused"
