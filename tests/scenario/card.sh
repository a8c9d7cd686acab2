#!/bin/bash
# The virtual SFI card under Debian's own opensc-tool, through an unmodified
# libpcsclite and a private pcscd. Usage: card.sh CARD_BAY_HOST CARD_LOOK
set -eu
host=$1
look=$2 look_pid=
dir=$(mktemp -d /tmp/provline-card.XXXXXX)
trap 'kill $(jobs -p) $look_pid 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
fail() { echo "FAIL line ${BASH_LINENO[0]}: $*" >&2; cat "$dir"/*.log >&2; exit 1; }
is() { [ "$2" = "$3" ] || fail "$1: got '$2', want '$3'"; }

SELECT=00A4040009F050524F564C534649
INFO=8010000000
LICENCE=8020000088

# apdu HEX...: the last reply as hex, status word last; "gone" without a card
apdu() {
	local args=() a out
	for a in "$@"; do args+=(-s "$a"); done
	out=$(timeout 100 opensc-tool -r 0 -c default "${args[@]}" 2>&1) &&
	printf '%s\n' "$out" | awk '
		/^Sending:/ {n = 0; hex = ""; next}
		match($0, /SW1=0x.., SW2=0x../) {
			sw = substr($0, RSTART + 6, 2) substr($0, RSTART + 16, 2)
			n = 1; next }
		n {hex = hex substr($0, 1, 48)}
		END {gsub(/ /, "", hex); if (sw == "") exit 1; print hex sw}' ||
	echo gone
}
sw() { local r; r=$(apdu "$@"); echo "${r: -4}"; }

# start NAME [RUNNER...]: a bay whose stdin/stdout are fds in[NAME]/out[NAME]
declare -A in out pid
start() {
	local name=$1 i o line; shift
	mkfifo "$dir/$name.in" "$dir/$name.out"
	"$@" "$host" bay "$dir/$name.sock" "$dir/$name.run" \
		<"$dir/$name.in" >"$dir/$name.out" 2>>"$dir/$name.log" &
	pid[$name]=$!
	exec {i}>"$dir/$name.in" {o}<"$dir/$name.out"
	in[$name]=$i out[$name]=$o
	read -r -t 20 line <&"$o" || fail "bay $name does not start"
	is "start $name" "$line" ok
	rm "$dir/$name.in" "$dir/$name.out"
}
bay() {
	local name=$1 line; shift
	echo "$*" >&"${in[$name]}"
	read -r -t 20 line <&"${out[$name]}" || fail "bay $name: no answer"
	echo "$line"
}
# the reader as clients see it: "Yes" or "No", within 3 s
reader_shows() {
	local i
	for i in $(seq 30); do
		opensc-tool -l 2>/dev/null | grep -Eq "^0 +$1 " && return
		sleep 0.1
	done
	fail "the reader never shows card: $1"
}
counter() { jq .counter "$1"; }

cd "$dir"
"$host" chip maker.pem 000102030405060708090a0b chip.bin
"$host" chip other.pem 000102030405060708090a0b foreign.bin
cert=$(od -An -v -tx1 chip.bin | tr -d ' \n')
foreign=$(od -An -v -tx1 foreign.bin | tr -d ' \n')
head -c 28 /dev/urandom >key28
new() { local f=$1; shift
	"$host" card-new "$f" --serial PLV00042 --fwid sensor-1 --key key28 \
		--maker-key maker.pem "$@"; }
new a.card --max 5
new empty.card --max 5 --counter 0
new open.card --max 5 --open

echo "1. personalisation refuses what is wrong"
code() { local rc=0; "$@" >/dev/null 2>err.txt || rc=$?
	is "lines on stderr of $*" "$(wc -l <err.txt)" 1; echo $rc; }
is "exists" "$(code new a.card --max 5)" 3
is "max 0" "$(code new x.card --max 0)" 2
is "max -1" "$(code new x.card --max -1)" 2
is "counter above max" "$(code new x.card --max 5 --counter 6)" 2
is "short serial" "$(code new x.card --max 5 --serial 1234)" 2
is "long fwid" "$(code new x.card --max 5 --fwid 12345678901234567)" 2
is "no key" "$(code new x.card --max 5 --key none)" 1
is "key of other size" "$(code new x.card --max 5 --key chip.bin)" 2
is "maker no PEM" "$(code new x.card --max 5 --maker-key key28)" 2
[ ! -e x.card ] || fail "a refused card was written"

echo "2. an empty reader, then a card"
start one
export PCSCLITE_CSOCK_NAME=$dir/one.sock
reader_shows No
is insert "$(bay one insert a.card)" ok
reader_shows Yes
is ATR "$(opensc-tool -r 0 -a)" 3b:85:80:01:53:46:49:30:31:59

echo "3. SELECT and INFO"
is "no applet selected" "$(apdu $INFO)" 6E00
is SELECT "$(apdu $SELECT)" 9000
is "another AID" "$(apdu 00A4040005A000000003)" 6A82
is INFO "$(apdu $SELECT $INFO)" \
	01504C56303030343273656E736F722D3100000000000000000000000500000005010000009000

echo "4. what a card refuses costs nothing"
is "unknown INS" "$(apdu $SELECT 8050000000)" 6D00
is "unknown CLA" "$(apdu $SELECT 9010000000)" 6E00
is "P1" "$(apdu $SELECT 8010010000)" 6A86
is "INFO with data" "$(apdu $SELECT 80100000020102)" 6700
is "short certificate" "$(apdu $SELECT 802000008700${cert:4}00)" 6700
is "foreign certificate" "$(apdu $SELECT $LICENCE${foreign}00)" 6A80
flipped=${cert:0:100}$(printf %02x $((0x${cert:100:2} ^ 1)))${cert:102}
is "flipped bit" "$(apdu $SELECT $LICENCE${flipped}00)" 6A80
is counter "$(counter a.card)" 5

echo "5. a licence opens on its chip, and costs one"
reply=$(apdu $SELECT $LICENCE${cert}00)
is "licence length" ${#reply} $((2 * 138))
is "licence id and firmware" "${reply:0:56}" \
	504C4C31303034320000000473656E736F722D310000000000000000
printf '%b' "$(sed 's/../\\x&/g' <<<"${reply:0:272}")" >licence.bin
"$host" unwrap licence.bin chip.bin.key unwrapped
cmp unwrapped key28 || fail "the licence does not hold the card's key"
is counter "$(counter a.card)" 4
rc=0; "$host" unwrap licence.bin foreign.bin.key x 2>/dev/null || rc=$?
is "another chip" $rc 6

echo "6. removed before the command, and before its reply"
is fault "$(bay one fault lose-command 2)" ok
is reply "$(sw $SELECT $LICENCE${cert}00)" gone
is counter "$(counter a.card)" 4
reader_shows No
is insert "$(bay one insert a.card)" ok; reader_shows Yes
is fault "$(bay one fault lose-reply 2)" ok
is reply "$(sw $SELECT $LICENCE${cert}00)" gone
is counter "$(counter a.card)" 3
reader_shows No
is "nothing to remove" "$(bay one remove)" \
	"error state: no card is in the reader"

echo "7. an empty card, an open card, no card"
is insert "$(bay one insert empty.card)" ok; reader_shows Yes
is "counter at zero" "$(sw $SELECT $LICENCE${cert}00)" 6283
is remove "$(bay one remove)" ok; reader_shows No
is insert "$(bay one insert open.card)" ok; reader_shows Yes
is "not operational" "$(sw $SELECT $LICENCE${cert}00)" 6985
is remove "$(bay one remove)" ok; reader_shows No
head -c 300 /dev/urandom >noise.card
jq '.counter = 9' open.card >over.card
is "not a card" "$(bay one insert noise.card)" \
	"error input: noise.card: not an SFI card file"
[[ $(bay one insert over.card) == "error input: over.card: "* ]] || fail over
[[ $(bay one insert none.card) == "error io: none.card: "* ]] || fail none

echo "8. two bays at once; a card is in one reader only"
start two
is insert "$(bay one insert a.card)" ok
is "same card" "$(bay two insert a.card)" \
	"error state: a.card: in another reader"
is insert "$(bay two insert empty.card)" ok
reader_shows Yes
is "bay one" "$(apdu $SELECT $INFO | cut -c51-58)" 00000003
PCSCLITE_CSOCK_NAME=$dir/two.sock reader_shows Yes
is "bay two" "$(PCSCLITE_CSOCK_NAME=$dir/two.sock apdu $SELECT $INFO |
	cut -c51-58)" 00000000

echo "9. cards swapped quicker than pcscd looks, under a station that looks"
new b.card --max 5 --serial PLV00043
swap() { # FILE: 0.1 s without a card, pcscd looks every 0.4 s
	is remove "$(bay one remove)" ok
	sleep 0.1
	is insert "$(bay one insert "$1")" ok
}
sees() { # SERIAL: the station does within 5 s
	local line
	while read -r -t 5 line <&"$seen"; do [ "$line" = "$1" ] && return; done
	fail "swap $i: the station never sees $1"
}
exec {seen}< <(exec "$look"); look_pid=$!
i=0; sees PLV00042
for i in $(seq 10); do
	swap b.card; sees PLV00043
	swap a.card; sees PLV00042
done
exec {seen}<&-; kill $look_pid; look_pid=

echo "10. a killed bench leaves no pcscd and a card that works"
daemon=$(pgrep -P "${pid[one]}" pcscd)
kill -KILL "${pid[one]}"
runs() { grep -q '^State:[[:space:]]*[^ZX]' "/proc/$1/status" 2>/dev/null; }
for i in $(seq 30); do runs "$daemon" || break; sleep 0.1; done
! runs "$daemon" || fail "pcscd outlived the bench"
start one
is insert "$(bay one insert a.card)" ok; reader_shows Yes
is "SELECT" "$(apdu $SELECT)" 9000
daemon=$(pgrep -P "${pid[one]}" pcscd)
kill -KILL "$daemon"
for i in $(seq 30); do
	state=$(bay one state)
	[[ $state == *"alive=0 present=0"* ]] && break; sleep 0.1
done
is "pcscd killed" "$(cut -d' ' -f2,3 <<<"$state")" "alive=0 present=0"
is "insert" "$(bay one insert a.card)" "error unreachable: pcscd has ended"

if [ "$(id -u)" = 0 ]; then
	echo "11. as an ordinary user"
	chmod 755 "$dir"; mkdir user; chown nobody user
	cp maker.pem key28 user/; chown nobody user/*
	cd user
	dir=$dir/user start user setpriv --reuid=nobody --regid=nogroup \
		--clear-groups
	setpriv --reuid=nobody --regid=nogroup --clear-groups \
		"$host" card-new u.card --serial PLV00043 --fwid x --key key28 \
		--maker-key maker.pem --max 1
	is insert "$(bay user insert u.card)" ok
	export PCSCLITE_CSOCK_NAME=$dir/user/user.sock
	reader_shows Yes
	is "licence" "$(sw $SELECT $LICENCE${cert}00)" 9000
	is counter "$(counter u.card)" 0
	cd "$dir"
fi

echo "12. an orderly end, with the card in, leaves nothing"
daemon=$(pgrep -P "${pid[two]}" pcscd)
echo quit >&"${in[two]}"
rc=0; wait "${pid[two]}" || rc=$?
is "exit (a leak would show here)" $rc 0
! runs "$daemon" || fail "pcscd outlived the bench"
[ ! -e two.sock ] || fail "the socket is left behind"
echo "card: all as it should be"
