#!/bin/bash
# Where the time of an attempt went: what the agent counted and computed agrees
# with what the bench modelled, adds up to the cycle, and comes out of the REST
# API, the command line and the export alike.
. "$(dirname "$0")/lib.sh"
line_up --stations 1
ctl '{"cmd":"account-reset"}' >/dev/null
run_board T1
expect_pass T1

attempt=$(provline unit show T1 --json | jq -c '.history[0]')
bench=$(ctl '{"cmd":"account","board":"T1"}' | jq -c .account)
mine() { jq -e ".account.$1" <<<"$attempt" || fail "no $1 in $attempt"; }
theirs() { jq -e ".$1" <<<"$bench" || fail "no $1 in $bench"; }

# near WHAT PERCENT AGENT_MS BENCH_NS
near() {
	jq -en "($3 * 1000000 - $4 | fabs) <= $4 * $2 / 100" >/dev/null ||
		fail "$1: agent $3 ms, bench $(($4 / 1000000)) ms"
}

sum=$(jq '.account | add' <<<"$attempt")
expect "sum of the account" "$sum" "$(jq '.cycle_s * 1000 | round' <<<"$attempt")"
jq -en "$(theirs wire_ns) > 100000000" >/dev/null || fail "the bench saw no work"
near "wire" 2 "$(mine wire_ms)" "$(theirs wire_ns)"
near "USB" 20 "$(mine usb_ms)" "$(($(theirs usb_busy_ns) - $(theirs usb_uart_ns)))"
near "UART" 5 "$(mine uart_ms)" "$(($(theirs uart_to_board_ns) + $(theirs uart_from_board_ns)))"
# The board's own measure: the bytes' way to the part and its polling included.
near "NOR programming" 10 "$(mine nor_program_ms)" "$(theirs chip.nor_program_ns)"
jq -en "$(mine nor_verify_ms) > 0" >/dev/null || fail "the NOR was not verified"
expect "NOR erasing, of a blank part" "$(mine nor_erase_ms)" 0
expect "option-byte reloads" "$(theirs chip.option_reload_count)" 2

provline unit show T1 | grep -q "SWCLK runs" || fail "unit show has no account"
provline export attempts --lot "$LOT" --format jsonl |
	jq -e --argjson a "$(jq .account <<<"$attempt")" \
		'select(.board_serial == "T1") | . as $row
		 | $a | to_entries | all($row[.key] == .value)' >/dev/null ||
	fail "the export says something else"
line_down
