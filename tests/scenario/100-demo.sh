#!/bin/bash
# The main job: a lot over three stations, and every file of the contract
# checked by tools that are not ours.
. "$(dirname "$0")/lib.sh"

O=$T/out
provline demo --stations 3 --boards 30 --seed 7 --out "$O" >"$T/demo.txt" 2>&1 ||
	fail "demo: $(tail -n 5 "$T/demo.txt")"
cat "$T/demo.txt"

S=$O/summary.json
expect "boards" "$(jq .boards "$S")" 30
expect "units" "$(jq '.units | length' "$S")" 30
expect "sum of outcomes" "$(jq '.passed + .failed + .indeterminate' "$S")" 30
[ "$(jq .passed "$S")" -gt 15 ] || fail "hardly a board passed"
[ "$(jq .failed "$S")" -gt 0 ] || fail "no board failed: the yield is not a real one"
expect "failed units without a code" \
	"$(jq '[.units[] | select(.outcome != "pass" and .failure_code == "")] | length' "$S")" 0
expect "ledger balanced" "$(jq .ledger.balanced "$S")" true
expect "counts spent" "$(jq '.ledger.card_start - .ledger.card_end' "$S")" "$(jq .ledger.licences "$S")"
expect "certificates" "$(ls "$O/certificates" | wc -l)" "$(jq .ledger.certificates "$S")"

# Every passed unit: a certificate that OpenSSL accepts, for the device ID that
# follows from the UID, with a key of its own.
jq -r '.units[] | select(.outcome == "pass") | .uid + " " + .device_id' "$S" >"$T/passed"
while read -r uid device_id; do
	pem=$O/certificates/$uid.pem
	openssl verify -CAfile "$O/cloud-ca.pem" "$pem" >/dev/null || fail "certificate of $uid"
	want=PV$({ printf provline-device-id-v1; printf %s "$uid" | xxd -r -p; } | sha256sum | head -c 32)
	expect "device ID of $uid" "$device_id" "$want"
	openssl x509 -in "$pem" -noout -subject -nameopt multiline | grep -q "commonName *= $want" ||
		fail "subject of $uid"
	openssl x509 -in "$pem" -noout -pubkey | sha256sum
done <"$T/passed" >"$T/keys"
expect "different keys" "$(sort -u "$T/keys" | wc -l)" "$(wc -l <"$T/passed")"

# Units that failed before the certificate step have none.
for uid in $(jq -r '.units[] | select(.outcome == "fail") | select(.failure_step as $s |
	["detect","identify","permit","spi-flash","licence","sfi-load","lock-down","sfi-install","hardware-test","identity"] |
	index($s)) | .uid' "$S"); do
	[ ! -e "$O/certificates/$uid.pem" ] || fail "$uid failed early but has a certificate"
done

# Traceability: the columns of the contract, a row for each attempt, both ways.
expect "columns" "$(head -n 1 "$O/traceability.csv" | tr -d '\r')" "lot,product,board_serial,uid,device_id,attempt,outcome,failure_code,failure_step,disposition,station,harness,operator,started_at,finished_at,cycle_s,image_sha256,test_program_version,app_version,app_test_status,card_serial,licence_id,card_counter_before,card_counter_after,csr_sha256,cert_serial,cert_sha256,cert_issuer,record_seq,record_hash"
expect "rows" "$(($(wc -l <"$O/traceability.csv") - 1))" "$(wc -l <"$O/traceability.jsonl")"
expect "attempts" "$(wc -l <"$O/traceability.jsonl")" "$(jq '[.units[].attempts] | add' "$S")"
expect "passes recorded once" \
	"$(jq -r 'select(.outcome == "pass") | .uid' "$O/traceability.jsonl" | sort | uniq -d | wc -l)" 0
[ -s "$O/yield.csv" ] && [ -s "$O/image.pli" ] || fail "yield.csv or image.pli is missing"
expect "installed image" "$(jq -r 'select(.outcome == "pass") | .image_sha256' "$O/traceability.jsonl" | sort -u)" \
	"$(sha256sum "$O/image.pli" | cut -c 1-64)"

provline evidence verify "$O/evidence.tar" || fail "evidence"

# The image is the one that the engineer's commands made.
for c in "keys new release" "bundle build" "image build $O/image.pli" "image import $O/image.pli" "image approve" \
	"lot create" assign "lot start"; do
	grep -q "^\$ provline $c" "$O/log/commands.log" || fail "the demo did without: provline $c"
done
expect "hash printed by image build" "$(grep -A 1 '^\$ provline image build' "$O/log/commands.log" | tail -n 1)" \
	"$(sha256sum "$O/image.pli" | cut -c 1-64)"
