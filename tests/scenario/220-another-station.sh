#!/bin/bash
# A board that is locked goes on where it was left, at whatever station of its
# lot: the controller knows who locked it. What it does not know is refused by
# name, and nothing is spent or counted twice.
. "$(dirname "$0")/lib.sh"
line_up --stations 2
log() { echo "$T/out/log/agent-$1.log"; }
state_of() { provline station show "$1" --json | jq -r '.harnesses[0].state'; }
shows() { [ "$(state_of "$1")" = "$2" ]; }
empty() { shows "$1" empty; }
# work_on LOT: both stations, once they know it: orders come with the heartbeat
note_of() { provline station show "$1" --json | jq -r '.harnesses[0].note'; }
idle() { case $(note_of "$1") in "no lot assigned"*) ;; *) false ;; esac }
ordered() { [ -z "$(note_of "$1")" ]; }
work_on() {
	for s in S1 S2; do
		provline assign - $s >/dev/null || fail "assign - $s"
		wait_for 60 idle $s
		provline assign "$1" $s >/dev/null || fail "assign $1 $s"
		wait_for 60 ordered $s
	done
}
# put_in STATION SERIAL [FAULT]: by hand; its label is scanned
put_in() { wait_for 60 empty "$1" && board_in "$1-H1" "$2" "${3:-}"; }
ended() { # STATION: red, green or yellow
	case $(state_of "$1") in pass | fail | retry) ;; *) false ;; esac
}
# run_at STATION SERIAL: in, to its end, and out again
run_at() { put_in "$1" "$2" && wait_for 120 ended "$1" && board_out "$1-H1"; }
attempts() { provline unit show "$1" --json | jq -c ".history | map($2)"; }
last() { attempts "$1" "$2" | jq -r '.[-1]'; }
# dies_at STATION SERIAL STEP: put in, the agent killed in this step, taken out;
# then the agent is back and has reported
dies_at() {
	local before now
	before=$(grep -c " step=$3" "$(log "$1")")
	put_in "$1" "$2"
	for _ in $(seq 6000); do
		now=$(grep -c " step=$3" "$(log "$1")")
		[ "$now" -gt "$before" ] && break
		sleep 0.01
	done
	kill -KILL "$(process "agent-$1")"
	board_out "$1-H1"
	wait_for 60 reported "$2"
}
reported() {
	case $(unit "$1" outcome) in pass | fail | indeterminate) ;; *) false ;; esac
}

# 1. The agent at S1 dies with the board locked; S2 passes it.
dies_at S1 A1 hardware-test
run_at S2 A1
expect "outcome of A1" "$(unit A1 outcome)" pass
expect "stations of A1" "$(attempts A1 .station)" '["S1","S2"]'
expect "licences of A1" "$(attempts A1 .licence_id | jq 'unique | length')" 1

# 2. Nobody listens while the application is installed; S2 believes the test that
# S1 has on record.
for n in 1 2 3 4 5 6; do
	dies_at S1 "B$n" app-install
	[ "$(unit "B$n" outcome)" = pass ] || break
done
[ "$(unit "B$n" outcome)" != pass ] || fail "never died in app-install: the run is void"
expect "status of B$n" "$(last "B$n" .app_test_status)" 0
run_at S2 "B$n"
expect "outcome of B$n" "$(unit "B$n" outcome)" pass
expect "status of B$n" "$(last "B$n" .app_test_status)" 0

# 3. S1 is cut off with the result of a board: S2 refuses it by S1's name, and
# passes it when S1 is back.
put_in S1 C1
wait_for 60 sh -c "tail -n 3 '$(log S1)' | grep -q 'step=hardware-test'"
kill -STOP "$(process agent-S1)"
board_out S1-H1
run_at S2 C1
expect "failure of C1 at S2" "$(last C1 .failure_code)" permit-refused
last C1 .failure_text | grep -q 'station S1' || fail "S1 is not named: $(last C1 .failure_text)"
kill -CONT "$(process agent-S1)"
c1_came_in() { attempts C1 .station | grep -q S1; }
wait_for 90 c1_came_in
run_at S2 C1
expect "outcome of C1" "$(unit C1 outcome)" pass

# 4. A board of another lot, locked there: refused at both stations of this one,
# for what it is; in its own lot it passes.
dies_at S1 D1 hardware-test
image=$(provline lot show "$LOT" --json | jq -r .image_sha256)
product=$(provline lot show "$LOT" --json | jq -r .product)
provline lot create OTHER --product "$product" --image "$image" --quantity 5 >/dev/null || fail "lot create"
provline lot start OTHER >/dev/null || fail "lot start"
work_on OTHER
uid=$(unit D1 uid)
refused() { provline unit list --lot OTHER --json | jq -r --arg u "$uid" '.[] | select(.uid == $u) | .failure_code'; }
for s in S1 S2; do
	run_at $s D1
	expect "failure of D1 at $s" "$(refused)" rdp-locked
done
work_on "$LOT"
run_at S2 D1
expect "outcome of D1" "$(unit D1 outcome)" pass

provline unit show C1 >"$T/show.txt" || fail "unit show"
for s in S1 S2; do grep -q " $s " "$T/show.txt" || fail "unit show does not name $s"; done
grep -q "station S1.* may still be on their way" "$T/show.txt" || fail "unit show does not say why"
passed=$(provline unit list --lot "$LOT" --json | jq '[.[] | select(.outcome == "pass")] | length')
ledger=$(provline ledger show --lot "$LOT" --json)
expect "ledger balanced" "$(jq .balanced <<<"$ledger")" true
expect "licences" "$(jq .licences <<<"$ledger")" "$passed"
expect "certificates" "$(jq .certificates <<<"$ledger")" "$passed"
expect "counts spent" "$(jq '.card_start - .card_end' <<<"$ledger")" "$passed"
expect "passes counted twice" "$(provline export traceability --lot "$LOT" --format jsonl |
	jq -r 'select(.outcome == "pass") | .uid' | sort | uniq -d | wc -l)" 0
line_down
