#!/bin/bash
# A blank card becomes one that a station can use: the raw APDUs under
# opensc-tool, the command with all that it refuses, and a lot made with the
# card afterwards.
. "$(dirname "$0")/lib.sh"
HOST=$BIN/../test-bin/card-bay-host
line_up --stations 1
cd "$T" || exit 1
umask 077

# -------- a desk: readers of its own, no station near --------
BAY_IN=() BAY_OUT=() BAY_PID=()
bay_up() { # NUMBER
	local i o line
	mkfifo "in$1" "out$1"
	"$HOST" bay "$T/desk$1.sock" "$T/desk$1" <"in$1" >"out$1" 2>"desk$1.log" &
	BAY_PID[$1]=$!
	exec {i}>"in$1" {o}<"out$1"
	BAY_IN[$1]=$i BAY_OUT[$1]=$o
	read -r -t 20 line <&"$o" && [ "$line" = ok ] || fail "the desk's reader does not start: $(cat "desk$1.log")"
}
bay() { # NUMBER COMMAND...
	local line
	echo "${*:2}" >&"${BAY_IN[$1]}"
	read -r -t 20 line <&"${BAY_OUT[$1]}" || fail "reader $1 does not answer"
	[ "$line" = ok ] || fail "reader $1: ${*:2}: $line"
}
desk() { PCSCLITE_CSOCK_NAME=$T/desk0.sock "$@"; }
reader_shows() { desk opensc-tool -l 2>/dev/null | grep -Eq "^0 +$1 "; }
put_in() { bay 0 insert "$1"; wait_for 10 reader_shows Yes; }
take_out() { bay 0 remove; wait_for 10 reader_shows No; }
apdus() { # HEX...: all answers, as opensc-tool prints them
	local args=() a
	for a in 00A4040009F050524F564C534649 "$@"; do args+=(-s "$a"); done
	timeout 100 opensc-tool -r 0 -c default "${args[@]}" 2>&1
}
sw() { desk apdus "$@" | sed -n 's/.*SW1=0x\(..\), SW2=0x\(..\).*/\1\2/p' | tail -n 1; }
hex() { xxd -p -c 256 "$@" | tr -d '\n'; }

blank() { # FILE SERIAL
	"$BIN/provline-bench" card-new "$1" --serial "$2" --maker-key "$MAKER_KEY" --blank || fail "card-new $1"
}
personalise() { desk provline card personalise "$@"; }
refused() { # EXIT-CODE WORDS OPTIONS...: without a terminal
	PCSCLITE_CSOCK_NAME=$T/desk0.sock setsid -w "$BIN/provline" card personalise "${@:3}" >said 2>err </dev/null
	expect "exit code of ${*:3}" $? "$1"
	grep -q -- "$2" err || fail "${*:3}: '$2' is not in: $(cat err)"
	expect "lines of ${*:3}" "$(wc -l <err)" 1
	[ ! -s said ] || fail "a refused command prints: $(cat said)"
}

bay_up 0
blank a.card MADE0001
blank b.card MADE0002
printf 'correct horse 1\n' >pp
printf 'wrong horse 1\n' >wrong
KEY=$WORK/sfi.key # the one that the line's image was built with
provline keys new sfi other.key --passphrase-file pp --json >other.json || fail "keys new sfi"
fingerprint=$(provline keys show "$KEY" --json | jq -r .fingerprint)

# -------- the applet, APDU by APDU --------
put_in b.card
fwid=$(printf %-16s X | tr ' ' '\0' | hex)
key=$(head -c 28 /dev/urandom | hex)
print=$( (printf provline-sfi-key-v1; xxd -r -p <<<"$key") | sha256sum | cut -c 1-64)
nothing=$(printf '%0272d' 0)
expect "INFO of a blank card" "$(desk apdus 8010000000 | grep -c 'SW1=0x90')" 2
expect "LICENCE of a blank card" "$(sw 8020000088${nothing}00)" 6985
expect "CHECK of a blank card" "$(sw 8032000000)" 6985
expect "LOCK of a blank card" "$(sw "8034000020$print")" 6985
expect "PERSONALISE with too little" "$(sw "803000002F${fwid}00000005${key:2}")" 6700
expect "PERSONALISE without data" "$(sw 8030000000)" 6700
expect "PERSONALISE with P2" "$(sw "8030000130${fwid}00000005$key")" 6A86
expect "PERSONALISE of no count" "$(sw "8030000030${fwid}00000000$key")" 6A80
expect "PERSONALISE of no firmware" "$(sw "8030000030${nothing:0:32}00000005$key")" 6A80
expect "PERSONALISE with a gap in the firmware" "$(sw "8030000030410042${nothing:0:26}00000005$key")" 6A80
expect "state so far" "$(jq -r .state b.card)" blank
expect "PERSONALISE" "$(sw "8030000030${fwid}00000005$key")" 9000
expect "the key in the card" "$(jq -r .key_nonce b.card)" "$key"
expect "LICENCE of an open card" "$(sw 8020000088${nothing}00)" 6985
expect "CHECK" "$(desk apdus 8032000000 | grep -A 2 'SW1=0x90, SW2=0x00)' | tail -n 2 | cut -c 1-47 | tr -d ' \n' | tr A-F a-f)" \
	"$print"
expect "LOCK for another key" "$(sw "8034000020${nothing:0:64}")" 6A80
expect "state after that" "$(jq -r .state b.card)" personalised
expect "LOCK" "$(sw "8034000020$print")" 9000
expect "LOCK again" "$(sw "8034000020$print")" 6985
expect "PERSONALISE of a locked card" "$(sw "8030000030${fwid}00000009$key")" 6985
expect "LICENCE for a certificate of zeros" "$(sw 8020000088${nothing}00)" 6A80
expect "the locked card" "$(jq -r '[.state, .maximum, .counter] | join(" ")' b.card)" "operational 5 5"
desk apdus 8010000000 8032000000 8034000000 8030000000 | tr -d ' \n' | grep -qi "${key:0:16}" && fail "the key came out"
take_out

# -------- what the command refuses --------
ok=(--firmware-id "$FWID" --key "$KEY" --max-count 9 --lock --yes)
refused 1 'no card in any of [0-9]* readers' "${ok[@]}"
refused 1 'no card reader "Other"' --reader Other "${ok[@]}"
put_in b.card
refused 3 'MADE0002 is locked, for X, 5 of 5' "${ok[@]}"
refused 3 'is locked' "${ok[@]}" --replace
take_out
put_in a.card
refused 2 'say --yes' --firmware-id "$FWID" --key "$KEY" --max-count 9 --lock
refused 2 'are needed' --key "$KEY" --max-count 9 --yes
refused 2 '1 to 16' "${ok[@]}" --firmware-id 12345678901234567
refused 2 '1 to 16' "${ok[@]}" --firmware-id $'x\x1b[2J'
refused 2 'not a number' "${ok[@]}" --max-count 0
refused 2 'not a number' "${ok[@]}" --max-count 4294967296
refused 1 'nowhere' "${ok[@]}" --key nowhere
refused 5 'does not open it' "${ok[@]}" --key other.key --passphrase-file wrong
refused 2 'instead of 28' "${ok[@]}" --key other.json
expect "the card after all that" "$(jq -r .state a.card)" blank

# pulled out before the command, and before its answer: the same command goes on
for fault in lose-command lose-reply; do
	bay 0 fault $fault 3 # SELECT, INFO, PERSONALISE
	refused 1 'put the card back\|no answer\|card' --firmware-id "$FWID" --key "$KEY" --max-count 9 --yes
	wait_for 10 reader_shows No
	expect "after $fault" "$(jq -r .state a.card)" "$([ $fault = lose-command ] && echo blank || echo personalised)"
	put_in a.card
done

# -------- not locked, other content, at a terminal, locked --------
refused 3 'MADE0001 is not blank: firmware '"$FWID"', 9 installs' "${ok[@]}" --max-count 10
refused 3 'is not blank' "${ok[@]}" --key other.key --passphrase-file pp
personalise --firmware-id OTHER --key other.key --passphrase-file pp --max-count 7 --replace --yes --json >card.json ||
	fail "--replace"
expect "the replaced card" "$(jq -r '[.serial, .firmware_id, .counter, .maximum, .locked, .key_fingerprint] | join(" ")' card.json)" \
	"MADE0001 OTHER 7 7 false $(jq -r .fingerprint other.json)"
desk provline card inspect --key other.key --passphrase-file pp >/dev/null || fail "inspect with the card's key"
desk provline card inspect --key "$KEY" >/dev/null 2>err
expect "inspect with another key" $? 6
asked() { grep -aq 'Go on?' screen; }
answer() { # ANSWER OPTIONS: typed at a terminal
	rm -f screen; touch screen
	(wait_for 20 asked; echo "$1") | desk script -qefc "$BIN/provline card personalise $2" screen >/dev/null
}
answer n "--firmware-id $FWID --key $KEY --max-count 12 --lock --replace" && fail "no was not heard"
expect "the card after a no" "$(jq -r .fwid,.firmware_id a.card | tail -n 1)" OTHER
answer y "--firmware-id $FWID --key $KEY --max-count 12 --lock --replace" || fail "personalise: $(cat screen)"
for word in MADE0001 "$FWID" '12 installs' "$fingerprint" 'locked for good' locked; do
	grep -aq "$word" screen || fail "'$word' was not shown: $(cat screen)"
done
desk provline card inspect --key "$KEY" --json >card.json || fail "inspect"
expect "the card" "$(jq -r '[.serial, .firmware_id, .counter, .maximum, .locked, .key_fingerprint] | join(" ")' card.json)" \
	"MADE0001 $FWID 12 12 true $fingerprint"
refused 3 'is locked' "${ok[@]}"
raw=$(hex "$KEY")
grep -ralE "${raw:0:16}|$(sed 's/../& ?/g' <<<"${raw:0:16}")" screen said err card.json desk0.log desk0 out/log && fail "the key is in an output"
take_out

# -------- the card at a station --------
ctl '{"cmd":"card-remove","reader":"S1"}' >/dev/null || fail "card-remove"
shows() { provline station show S1 --json | jq -e --arg s "$1" '.cards[0] | .card_serial == $s' >/dev/null; }
ctl "{\"cmd\":\"card-insert\",\"reader\":\"S1\",\"file\":\"$T/a.card\"}" >/dev/null || fail "card-insert"
wait_for 10 shows MADE0001
run_board M1
expect_pass M1
expect "installs left" "$(jq .counter a.card)" 11
echo quit >&"${BAY_IN[0]}"
wait "${BAY_PID[0]}" || fail "the desk's reader ended with an error"
line_down
