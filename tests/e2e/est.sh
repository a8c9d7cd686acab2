#!/bin/bash
# The controller's EST client against provline-cloud, well and unwell.
# Usage: est.sh ENROL_CHECK PROVLINE_CLOUD
set -eu
check=$1 cloud=$2
dir=$(mktemp -d /tmp/provline-est.XXXXXX)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
cd "$dir"
fail() { echo "FAIL line ${BASH_LINENO[0]}: $*" >&2; cat out log >&2; exit 1; }

port=$((10000 + RANDOM % 22000)) # not one that the kernel gives to connections: it is used again
printf 'open sesame\n' >secret; printf 'wrong\n' >wrong; chmod 600 secret wrong
start() { # start [KEY = VALUE]...
	[ -z "${pid:-}" ] || { kill "$pid"; wait "$pid" || true; }
	{ printf 'port = %s\ndata_dir = "%s/data"\n' "$port" "$dir"
	  printf 'auth_user = "ra"\nauth_secret_file = "%s/secret"\n' "$dir"
	  printf '%s\n' "$@"; } >cloud.conf
	: >log
	"$cloud" --config cloud.conf 2>>log & pid=$!
	for i in $(seq 100); do
		port=$(sed -n 's/.*LISTENING.*port=//p' log)
		[ -z "$port" ] || return 0
		sleep 0.1
	done
	fail "the cloud does not listen"
}
run() { # run BUDGET_MS FOLDER [CA [SECRET]]
	timeout 60 "$check" "https://localhost:$port/.well-known/est" \
		"${3:-data/cloud-ca.pem}" ra "${4:-secret}" "$1" "$2" >out ||
		fail "enrol-check ended with $?"
}
expect() { grep -qE "$1" out || fail "no line $1"; }
csr() { # csr FILE CN
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout key -subj "/CN=$2/serialNumber=00" -outform DER \
		-out "$1" 2>/dev/null
}
mkdir one many bad
csr one/a.der PV00112233445566778899aabbccddeeff
for i in $(seq 10 29); do
	csr many/u$i.der PV001122334455667788990000000000$i; done
csr bad/b.der NOBODY

echo "1. twenty at once: each its own, for its own key, from this CA"
start
run 10000 many
[ "$(grep -c '^u[0-9]* ok ' out)" = 20 ] || fail "not all were issued"
[ "$(grep '^u' out | cut -d' ' -f3 | sort -u | wc -l)" = 20 ] || fail "doubled"
for i in $(seq 10 29); do
	openssl x509 -inform DER -in many/u$i.crt -out c.pem
	openssl verify -CAfile many/cacerts.pem c.pem >/dev/null || fail "u$i"
	[ "$(openssl x509 -in c.pem -noout -pubkey)" = \
	  "$(openssl req -inform DER -in many/u$i.der -noout -pubkey)" ] ||
		fail "u$i has another key"
done

echo "2. the same request again: the same certificate"
run 5000 one; was=$(grep '^a ok' out); run 5000 one
[ "$(grep '^a ok' out)" = "$was" ] || fail "another certificate"

echo "3. pending first, then issued; replies lost, then repeated"
csr one/a.der PV00112233445566778899aabbccddee01
start 'fault_pending_every = 2'; run 10000 many; run 10000 one
expect '^a ok'
csr one/a.der PV00112233445566778899aabbccddee02
start 'fault_drop_every = 2'; run 15000 one; run 15000 one; expect '^a ok'
start 'fault_pending_every = 1'; rm -rf new; mkdir new
csr new/n.der PV00112233445566778899aabbccddee03
run 1800 new; expect '^n timeout '

echo "4. garbage, errors, refusals: named, with the cloud's own text"
start 'fault_garbage_every = 1'; run 3000 new; expect '^n cloud '
start 'fault_error_every = 1'; run 4000 new; expect '^n cloud .*answered 5'
start; run 3000 bad; expect '^b refused .*refused \(4'
run 3000 new data/cloud-ca.pem wrong; expect '^n cloud .*answered 401'

echo "5. another CA: not trusted, at once"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-keyout k -subj /CN=Other -days 2 -out other.pem 2>/dev/null
run 5000 new other.pem; expect '^n cloud .*no trust'

echo "6. no server: unreachable when the budget is used up"
kill "$pid"; wait "$pid" || true
begin=$(date +%s%N); run 1500 new; took_ms=$((($(date +%s%N) - begin) / 1000000))
expect '^n unreachable '
[ $took_ms -lt 8000 ] || fail "it took $took_ms ms"
pid=
echo "1 passed, 0 failed"
