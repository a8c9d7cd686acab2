#!/bin/bash
# The cloud is away: the unit fails at the certificate step by name, holds no
# certificate, and passes when the cloud is back, with one licence for both tries.
. "$(dirname "$0")/lib.sh"
line_up --stations 1
before=$(card_counter)

kill -STOP "$(process cloud)"
feed D1
wait_for 90 left_line D1
expect_fail D1 cloud-down
kill -CONT "$(process cloud)"

run_board D2
expect_pass D2
expect "counts spent" "$((before - $(card_counter)))" 2
line_down
