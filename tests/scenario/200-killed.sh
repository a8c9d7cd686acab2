#!/bin/bash
# SIGKILL for the agents and the controller, again and again in the middle of a
# lot: nothing is lost, nothing counted twice, the ledger balances.
. "$(dirname "$0")/lib.sh"

O=$T/out
provline demo --stations 2 --boards 14 --seed 3 --out "$O" >"$T/demo.txt" 2>&1 &
DEMO_PID=$!
RANDOM=${SEED:-11}
echo "seed ${SEED:-11}"
kills=0
wait_for 60 sh -c "grep -q 'step=licence' $O/log/agent-S1.log 2>/dev/null"
while kill -0 $DEMO_PID 2>/dev/null && [ $kills -lt 8 ]; do
	case $((RANDOM % 3)) in 0) victim=controller ;; 1) victim=agent-S1 ;; 2) victim=agent-S2 ;; esac
	# Inside the card's own command a count can be spent and its licence lost: that
	# leaves a gap in the ledger, as it must, and is not what is tried here.
	grep ' STEP ' "$O/log/$victim.log" | tail -n 1 | grep -q 'step=licence' && sleep 0.1 && continue
	kill -KILL "$(cat "$O/log/$victim.pid" 2>/dev/null)" 2>/dev/null && kills=$((kills + 1)) && echo "killed $victim"
	sleep 0.$((5 + RANDOM % 5))
done
wait $DEMO_PID
code=$?
DEMO_PID=
[ $code -eq 0 ] || fail "demo ended with $code: $(tail -n 5 "$T/demo.txt")"
[ $kills -ge 4 ] || fail "only $kills kills: the run is void"

S=$O/summary.json
expect "units" "$(jq ".units | length" "$S")" 14
expect "ledger balanced" "$(jq .ledger.balanced "$S")" true
expect "counts spent" "$(jq '.ledger.card_start - .ledger.card_end' "$S")" "$(jq .ledger.licences "$S")"
expect "passes counted twice" \
	"$(jq -r 'select(.outcome == "pass") | .uid' "$O/traceability.jsonl" | sort | uniq -d | wc -l)" 0
provline evidence verify "$O/evidence.tar" || fail "evidence"
