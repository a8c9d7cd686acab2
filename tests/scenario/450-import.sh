#!/bin/bash
# An image of nearly 64 MiB on its way to a controller: client and controller
# killed in the middle, several at once, again; what is too big, altered,
# forgotten or has no room. Judges: curl, sha256sum, jq, sqlite3.
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 1
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:quarantine_size_mb=4" # freed memory is free: it is measured below
FW=$BIN/../firmware
C= # the controller's process
DATA=$T/data

for k in release attest; do
	(umask 077 && openssl ecparam -name prime256v1 -genkey -noout -out $k.pem)
done
(umask 077 && head -c 28 /dev/urandom >sfi.key)
build() { # OUT [more options]
	provline image build "$@" --product P --release 1.0 --test "$FW/hardware-test.bin" --kernel "$FW/kernel.bin" \
		--app-test "$FW/app-test.bin" --app "$FW/app.bin" --sfi-key sfi.key --fwid P-SFI \
		--attestation-key attest.pem --release-key release.pem >/dev/null || fail "image build"
}
head -c 60000000 /dev/urandom >data.bin
build big.pli --data data.bin
build small.pli
sha=$(sha256sum big.pli | cut -c 1-64) small=$(sha256sum small.pli | cut -c 1-64)
size=$(stat -c %s big.pli)

new_data() { # in DATA
	provline init --data "$DATA" --name localhost >/dev/null || fail "init"
	openssl ec -in release.pem -pubout -out "$DATA/release-keys/brand.pem" 2>/dev/null
	export PROVLINE_TOKEN_FILE=$DATA/admin.token PROVLINE_CA=$DATA/ca.pem
}
new_data
PORT=$(free_port)
controller() { # [LINE OF CONFIGURATION...]: starts it, on the port it had before
	printf '%s\n' "data_dir = \"$DATA\"" 'agent_listen = "tls+tcp://127.0.0.1:0"' 'https_host = "127.0.0.1"' \
		"https_port = $PORT" "$@" >c.conf
	"$BIN/provline-controller" --config c.conf 2>>log &
	C=$!
	: >log
	wait_for 30 grep -q READY log
	PORT=$(sed -n 's/.*READY.*https_port=\([0-9]*\).*/\1/p' log)
	export PROVLINE_URL=https://localhost:$PORT
}
controller_dies() { kill -KILL $C && wait $C 2>/dev/null; }
controller_ends() { kill -TERM $C && wait $C; expect "how the controller left" $? 0; }
leave() {
	local code=$?
	[ -n "$C" ] && kill -KILL "$C" 2>/dev/null
	mountpoint -q disk && umount disk
	(exit $code)
	finish
}
trap leave EXIT
api() { # METHOD PATH [curl options]: the answer's body; its status in ./status
	curl -s --max-time 20 --cacert "$PROVLINE_CA" -H "Authorization: Bearer $(cat "$PROVLINE_TOKEN_FILE")" -X "$1" \
		-o answer -w '%{http_code}' "$PROVLINE_URL/api/v1$2" "${@:3}" >status
	cat answer
}
begin() { api POST /images/uploads -d "{\"sha256\":\"$1\",\"len_bytes\":$2}"; }
offset() { api GET "/images/uploads/$sha" | jq '.offset // 0'; }
beyond() { # BYTES: until more are there; seen on the disk, since the whole takes but a second or two
	local i there
	for i in $(seq 5000); do
		there=$(stat -c %s "data/images/uploads/$sha.$size" 2>/dev/null || echo 0)
		[ "$there" -gt "$1" ] && return
	done
	fail "never beyond $1: $there"
}
images() { provline image list --json | jq -c '[.images[].sha256]'; }
peak() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status"; } # KiB
refused() { # EXIT-CODE WORDS COMMAND...
	provline "${@:3}" >out 2>err
	expect "exit code of provline ${*:3}" $? "$1"
	expect "lines on stderr of provline ${*:3}" "$(wc -l <err)" 1
	grep -q -- "$2" err || fail "provline ${*:3}: '$2' is not in: $(cat err)"
}

echo "1. what it is refused for before its first byte"
controller 'image_max_mib = 1' 'uploads_max = 1'
refused 1 "too-big: the image has $size bytes, this controller takes 1048576" image import big.pli
expect "files" "$(ls data/images/uploads)" ""
begin "$small" 100000 >/dev/null
begin "$sha" 100000 | jq -e '.code == "quota"' >/dev/null || fail "more unfinished uploads than uploads_max: $(cat answer)"
forgotten() { [ -z "$(ls data/images/uploads)" ]; }
forgotten && fail "nothing was begun"
controller_ends
controller 'upload_keep_s = 1'
wait_for 20 forgotten # it expires by itself
controller_ends
controller 'disk_reserve_mib = 1048576'
refused 1 'disk-full: .* MiB are free' image import big.pli
expect "files" "$(ls data/images/uploads)" ""
controller_ends

echo "2. the controller is killed between two pieces that curl sends"
controller
begin "$sha" "$size" | jq -e '.offset == 0 and .known == false' >/dev/null || fail "begin: $(cat answer)"
for i in 0 1; do
	tail -c +$((i * 1000000 + 1)) big.pli | head -c 1000000 >piece
	api PATCH "/images/uploads/$sha?offset=$((i * 1000000))" --data-binary @piece >/dev/null
	expect "status" "$(cat status)" 200
done
controller_dies
controller
expect "what is still there" "$(offset)" 2000000
api PATCH "/images/uploads/$sha?offset=1000000" --data-binary @piece | jq -e '.code == "conflict"' >/dev/null ||
	fail "the same piece twice: $(cat answer)"
expect "what anybody sees" "$(images)" "[]"

echo "3. the client is killed, then the controller while the client sends"
before=$(peak $C)
"$BIN/provline" image import big.pli >/dev/null 2>&1 & # not the function: its process is to be killed
client=$!
beyond 4000000
kill -KILL $client && wait $client 2>/dev/null
there=$(offset)
expect "what anybody sees" "$(images)" "[]"
"$BIN/provline" image import big.pli --json >imported.json 2>err &
client=$!
beyond $((there + 4000000))
client_peak=$(peak $client)
controller_dies
sleep 1
controller
wait $client || fail "the client gave up: $(cat err)"
expect "what it says" "$(jq -r '"\(.sha256) \(.known) \(.state)"' imported.json)" "$sha false imported"
sent=$(jq .sent_bytes imported.json)
[ "$sent" -le $((size - there)) ] || fail "$sent bytes were sent again, $there were there"
expect "the file" "$(sha256sum "data/images/$sha.pli" | cut -c 1-64)" "$sha"
expect "what is left" "$(ls data/images/uploads)" ""
expect "what anybody sees" "$(images)" "[\"$sha\"]"
expect "what is sent of a known image" "$(provline image import big.pli --json | jq -c '[.known, .sent_bytes]')" "[true,0]"
after=$(peak $C)
echo "peaks, KiB: client $client_peak, controller $before before, $after after"
[ $((after - before)) -lt 24576 ] || fail "the controller grew by $((after - before)) KiB"

echo "4. altered: on the controller's disk, before and after; at the engineer's"
printf '\x5a' | dd of="data/images/$sha.pli" bs=1 seek=30000000 conv=notrunc status=none
expect "a damaged copy is replaced" "$(provline image import big.pli --json | jq -c '[.known, .sent_bytes]')" "[false,$size]"
expect "the file" "$(sha256sum "data/images/$sha.pli" | cut -c 1-64)" "$sha"
for at in 5000 $((0x14321)); do # in the block table, in a program
	begin "$small" "$(stat -c %s small.pli)" >/dev/null
	head -c 90000 small.pli >piece
	api PATCH "/images/uploads/$small?offset=0" --data-binary @piece >/dev/null
	printf "\\x$(printf %02x $((0x$(xxd -s $at -l 1 -p small.pli) ^ 16)))" |
		dd of="$(echo data/images/uploads/"$small".*)" bs=1 seek=$at conv=notrunc status=none
	refused 6 'integrity: [a-z-]* at 0x' image import small.pli
	expect "what is left" "$(ls data/images/uploads)" ""
done
expect "what anybody sees" "$(images)" "[\"$sha\"]"
expect "refusals in the record" "$(sqlite3 data/provline.db "SELECT count(*) FROM records WHERE kind = 'image-refused'")" 2
cp small.pli x.pli && printf 'X' | dd of=x.pli bs=1 seek=20000 conv=notrunc status=none
refused 6 'x.pli: .* at 0x' image import x.pli
(cat small.pli && head -c 4096 /dev/zero) >x.pli
refused 6 'x.pli: image at 0x.*behind its end' image import x.pli
refused 1 'io: nowhere.pli: No such file' image import nowhere.pli
# a token that cannot be put away is not asked for: nobody could have it
refused 1 'io: nowhere/jo.token' user add jo --role engineer -o nowhere/jo.token
provline user add jo --role engineer -o jo.token || fail "user add, after it had no place for the token"
provline image list --token-file jo.token >/dev/null || fail "jo's token"
cp jo.token before
refused 3 'jo.token exists' user add eve --role engineer -o jo.token
refused 3 'named jo' user add jo --role engineer -o jo2.token
cmp -s jo.token before && [ ! -e jo2.token ] || fail "a refused user add left a file, or took one away"

echo "5. three at once; one by one their bytes make one image"
head -c 20000000 data.bin >data2.bin
build three.pli --data data2.bin
three=$(sha256sum three.pli | cut -c 1-64)
for i in 1 2 3; do provline image import three.pli --json >three.$i 2>err.$i & clients[i]=$!; done
for i in 1 2 3; do wait "${clients[i]}" || fail "client $i: $(cat err.$i)"; done
expect "bytes sent by all" "$(jq -s 'map(.sent_bytes) | add' three.1 three.2 three.3)" "$(stat -c %s three.pli)"
expect "what anybody sees" "$(images)" "[\"$sha\",\"$three\"]"

echo "6. on a terminal it shows how far it is"
provline image import small.pli >/dev/null 2>err || fail "import: $(cat err)"
expect "without a terminal" "$(cat err)" ""
head -c 10000000 data.bin >data3.bin
build four.pli --data data3.bin
TERM=vt100 script -qec "$BIN/provline image import four.pli" /dev/null >tty.txt || fail "import on a terminal"
grep -q 'of [0-9.]* MiB, [0-9.]* MiB/s, [0-9]* s left' tty.txt || fail "no progress: $(cat -v tty.txt)"

echo "7. the controller is away"
controller_ends
C=
refused 4 'unreachable' image import small.pli

echo "8. a small disk: no room at all, and one that fills up in the middle"
mkdir disk
if mount -t tmpfs -o size=48m provline disk 2>/dev/null; then
	DATA=$T/disk/data
	new_data
	controller 'disk_reserve_mib = 0'
	refused 1 'disk-full: ' image import big.pli
	expect "files" "$(ls disk/data/images/uploads)" ""
	begin "$three" "$(stat -c %s three.pli)" | jq -e '.offset == 0' >/dev/null || fail "begin: $(cat answer)"
	left=$(df --output=avail -B 1 disk | tail -n 1)
	head -c $((left - 4000000)) /dev/zero >disk/filling # less than the image needs, but its room is taken
	expect "the import" "$(provline image import three.pli)" "$three"
	expect "the file" "$(sha256sum "disk/data/images/$three.pli" | cut -c 1-64)" "$three"
	controller_ends
	C=
else
	echo "   left out: no right to mount a small disk"
fi
