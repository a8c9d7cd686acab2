#!/bin/bash
# The probe is unplugged in the middle of a board: the attempt ends as lost, never
# as passed, and the station works again when the probe is back.
. "$(dirname "$0")/lib.sh"
line_up --stations 1

feed F1
wait_for 60 sh -c "grep -q 'step=spi-flash' '$T/out/log/agent-S1.log'"
ctl '{"cmd":"unplug","probe":"S1-H1"}' >/dev/null || fail "unplug"
sleep 2
[ "$(unit F1 outcome)" != pass ] || fail "passed without a probe"
ctl '{"cmd":"plug","probe":"S1-H1"}' >/dev/null || fail "plug"
wait_for 90 left_line F1
expect_pass F1
provline export traceability --lot "$LOT" --format jsonl | grep -q '"probe-lost"' ||
	fail "the lost probe is not in the record"
line_down
