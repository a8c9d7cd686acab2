#!/bin/bash
# The controller freezes in the middle of a board: no green before it is back and
# has the record; then the same board goes green, counted once.
. "$(dirname "$0")/lib.sh"
line_up --stations 1
controller=$(process controller)

feed E1
wait_for 60 sh -c "grep -q 'step=hardware-test' '$T/out/log/agent-S1.log'"
kill -STOP "$controller"
sleep 4
left_line E1 && fail "the board left under $(light E1) while the controller was stopped"
kill -CONT "$controller"
wait_for 90 left_line E1
expect_pass E1
expect "attempts" "$(unit E1 attempts)" 1
line_down
