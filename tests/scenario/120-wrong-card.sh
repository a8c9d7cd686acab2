#!/bin/bash
# No card, a card for another firmware, an empty one, a blank one: named, and
# nothing spent.
. "$(dirname "$0")/lib.sh"
line_up --stations 1
# What the station itself says of its reader: pcscd looks a few times a second.
shows() { provline station show S1 --json | jq -e --arg s "$1" '.cards[0] | .card_serial == $s' >/dev/null; }
shows_none() { provline station show S1 --json | jq -e '.cards[0].state == "absent"' >/dev/null; }
put_in() { # FILE SERIAL
	ctl "{\"cmd\":\"card-insert\",\"reader\":\"S1\",\"file\":\"$1\"}" >/dev/null || fail "card-insert"
	wait_for 10 shows "$2"
}
take_out() {
	ctl '{"cmd":"card-remove","reader":"S1"}' >/dev/null || fail "card-remove"
	wait_for 10 shows_none
}
wait_for 10 shows CARD0001
before=$(card_counter)

take_out
run_board C1
expect_fail C1 card-missing

head -c 28 /dev/urandom >"$T/other.key"
card_new() { # FILE SERIAL FWID COUNTER
	"$BIN/provline-bench" card-new "$T/$1" --serial "$2" --fwid "$3" --key "$T/other.key" \
		--max 10 --counter "$4" --maker-key "$MAKER_KEY" || fail "card-new $1"
}
card_new wrong.card WRONG001 OTHER-FW 10
put_in "$T/wrong.card" WRONG001
run_board C2
expect_fail C2 card-wrong
expect "wrong card's counter" "$(card_counter)" 10

take_out
card_new empty.card EMPTY001 "$FWID" 0
put_in "$T/empty.card" EMPTY001
run_board C3
expect_fail C3 card-empty

take_out
"$BIN/provline-bench" card-new "$T/blank.card" --serial BLANK001 --maker-key "$MAKER_KEY" --blank || fail "card-new"
put_in "$T/blank.card" BLANK001
run_board C5
expect_fail C5 card-wrong

take_out
put_in "$WORK/S1.card" CARD0001
run_board C4
expect_pass C4
expect "right card's counter" "$(card_counter)" $((before - 1))
line_down
