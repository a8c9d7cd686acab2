#!/bin/bash
# Evidence is checked offline; one changed byte anywhere, a cut file, or another
# owner's key is integrity violated (6), with the place.
. "$(dirname "$0")/lib.sh"

O=$T/out
provline demo --stations 1 --boards 2 --out "$O" >"$T/demo.txt" 2>&1 || fail "demo: $(tail -n 3 "$T/demo.txt")"
tar=$O/evidence.tar
cd "$T" || exit 1
env -u PROVLINE_URL "$BIN/provline" evidence verify "$tar" --json >good.json || fail "untouched evidence"
expect "passed" "$(jq .passed good.json)" "$(jq .passed "$O/summary.json")"
tar -xOf "$tar" checkpoint.pem >owner.pem || fail "tar cannot read it"
"$BIN/provline" evidence verify --key owner.pem "$tar" >/dev/null || fail "with the owner's key"

openssl ecparam -name prime256v1 -genkey -noout -out k.pem && openssl ec -in k.pem -pubout -out other.pem 2>/dev/null
"$BIN/provline" evidence verify --key other.pem "$tar" 2>err
expect "exit code with another key" $? 6

size=$(stat -c %s "$tar")
RANDOM=5
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	at=$(((RANDOM * 32768 + RANDOM) % size))
	cp "$tar" bad.tar
	byte=$(dd if="$tar" bs=1 skip=$at count=1 2>/dev/null | od -An -tu1)
	printf "\\x$(printf %x $((byte ^ 1)))" | dd of=bad.tar bs=1 seek=$at conv=notrunc 2>/dev/null
	"$BIN/provline" evidence verify bad.tar >/dev/null 2>err && fail "byte $at changed unseen"
	[ "$(wc -l <err)" = 1 ] || fail "byte $at: more than one line: $(cat err)"
	grep -q '^provline: ' err || fail "byte $at: $(cat err)"
done
head -c $((size / 2)) "$tar" >cut.tar
"$BIN/provline" evidence verify cut.tar 2>err && fail "a cut file"
exit 0
