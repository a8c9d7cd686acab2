#!/bin/bash
# No card, a card for another firmware, an empty one: named, and nothing spent.
. "$(dirname "$0")/lib.sh"
line_up --stations 1
before=$(card_counter)

ctl '{"cmd":"card-remove","reader":"S1"}' >/dev/null || fail "card-remove"
run_board C1
expect_fail C1 card-missing

head -c 28 /dev/urandom >"$T/other.key"
card_new() { # FILE SERIAL FWID COUNTER
	"$BIN/provline-bench" card-new "$T/$1" --serial "$2" --fwid "$3" --key "$T/other.key" \
		--max 10 --counter "$4" --maker-key "$MAKER_KEY" || fail "card-new $1"
}
card_new wrong.card WRONG001 OTHER-FW 10
ctl "{\"cmd\":\"card-insert\",\"reader\":\"S1\",\"file\":\"$T/wrong.card\"}" >/dev/null || fail "card-insert"
run_board C2
expect_fail C2 card-wrong
expect "wrong card's counter" "$(card_counter)" 10

ctl '{"cmd":"card-remove","reader":"S1"}' >/dev/null
card_new empty.card EMPTY001 "$FWID" 0
ctl "{\"cmd\":\"card-insert\",\"reader\":\"S1\",\"file\":\"$T/empty.card\"}" >/dev/null || fail "card-insert"
run_board C3
expect_fail C3 card-empty

ctl '{"cmd":"card-remove","reader":"S1"}' >/dev/null
ctl "{\"cmd\":\"card-insert\",\"reader\":\"S1\",\"file\":\"$WORK/S1.card\"}" >/dev/null || fail "card-insert"
run_board C4
expect_pass C4
expect "right card's counter" "$(card_counter)" $((before - 1))
line_down
