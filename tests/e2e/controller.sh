#!/bin/bash
# provline-controller judged by curl: every REST endpoint, then SIGKILL and
# what must still be there, then an orderly end.
# Usage: controller.sh MAKE_LINE PROVLINE_CONTROLLER WEB_DIR
set -eu
make_line=$1 controller=$2 web=$3
dir=$(mktemp -d /tmp/provline-rest.XXXXXX)
trap 'kill -9 $(jobs -p) 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
cd "$dir"
fail() { echo "FAIL line ${BASH_LINENO[0]}: $*" >&2; cat body log >&2; exit 1; }
is() { [ "$2" = "$3" ] || fail "$1: got '$2', want '$3'"; }

for k in release attest; do
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
		-out $k.key 2>/dev/null
done
head -c 28 /dev/urandom >sfi.key; chmod 600 ./*.key; : >log; : >body
"$make_line" data image.pli release.key attest.key sfi.key

start() {
	cat >controller.conf <<-END
	data_dir = "$dir/data"
	agent_listen = "tls+tcp://127.0.0.1:0"
	https_host = "127.0.0.1"
	https_port = 0
	web_root = "$web"
	END
	: >log
	"$controller" --config controller.conf 2>>log & pid=$!
	for i in $(seq 100); do
		port=$(sed -n 's/.*READY.*https_port=\([0-9]*\).*/\1/p' log)
		[ -z "$port" ] || return 0
		kill -0 $pid 2>/dev/null || fail "it ended"
		sleep 0.1
	done
	fail "not ready"
}
call() { # call STATUS METHOD PATH [curl options]: the body in ./body
	local want=$1 method=$2 path=$3 got; shift 3
	got=$(curl -s --max-time 20 --cacert data/ca.pem -X "$method" -o body \
		-w '%{http_code}' "$@" "https://localhost:$port$path") || true
	is "$method $path" "$got" "$want"
}
admin() { local a=("$1" "$2" "/api/v1$3"); shift 3
	call "${a[@]}" -H "Authorization: Bearer $token" "$@"; }
# import FILE: in two pieces, as curl does it; leaves the answer to the last call
import() {
	local sha size half
	sha=$(sha256sum "$1" | cut -d' ' -f1); size=$(stat -c %s "$1"); half=$((size / 2))
	admin 200 POST /images/uploads -d "{\"sha256\":\"$sha\",\"len_bytes\":$size}"
	head -c $half "$1" >piece
	admin 200 PATCH "/images/uploads/$sha?offset=0" --data-binary @piece
	is offset "$(field .offset)" $half
	tail -c +$((half + 1)) "$1" >piece
	admin 200 PATCH "/images/uploads/$sha?offset=$half" --data-binary @piece
	admin "$2" POST "/images/uploads/$sha/finish"
}
field() { jq -r "$1" body; }

echo "1. who comes in"
start; token=$(cat data/admin.token)
call 200 GET /healthz; is healthz "$(cat body)" ok
call 200 GET /; grep -q '<div id="app">' body || fail "no page"
call 401 GET /metrics; call 401 GET /api/v1/status
admin 200 GET /session; is role "$(field .role)" admin
admin 201 POST /sign-ins; one=$(field .token)
call 204 POST /api/v1/session -d "{\"token\":\"$one\"}" -c jar
call 401 POST /api/v1/session -d "{\"token\":\"$one\"}"
call 200 GET /api/v1/status -b jar
call 403 POST /api/v1/sign-ins -b jar
call 201 POST /api/v1/sign-ins -b jar -H 'X-Provline: 1'
call 204 DELETE /api/v1/session -b jar -H 'X-Provline: 1'
call 401 GET /api/v1/status -b jar
admin 200 GET /openapi.json; is openapi "$(field .openapi)" 3.1.0

echo "2. a station"
admin 201 POST /stations -d '{"station":"st1"}'; invite=$(field .token)
is ca "$(field .ca_sha256)" "$(openssl x509 -in data/ca.pem -outform DER | sha256sum | cut -d' ' -f1)"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-keyout st.key -subj /CN=anything -out st.csr 2>/dev/null
jq -n --arg t "$invite" --rawfile c st.csr '{token:$t,csr:$c}' >enrol.json
call 400 POST /api/v1/enrol -d "{\"token\":\"$invite\",\"csr\":\"no\"}"
call 200 POST /api/v1/enrol -d @enrol.json; field .certificate >st.pem
call 401 POST /api/v1/enrol -d @enrol.json
openssl verify -purpose sslclient -CAfile data/ca.pem st.pem >/dev/null || fail "certificate"
openssl x509 -in st.pem -noout -subject | grep -q 'CN = st1$' || fail "name"
admin 200 GET /stations
is station "$(field '.stations[0]|"\(.station) \(.state)"')" "st1 enrolled"

echo "3. an image and a lot"
mkdir -p data/release-keys; openssl pkey -in release.key -pubout -out data/release-keys/brand.pem
import image.pli 201; sha=$(field .sha256)
is sha "$sha" "$(sha256sum image.pli | cut -d' ' -f1)"
admin 200 POST /images/uploads -d "{\"sha256\":\"$sha\",\"len_bytes\":$(stat -c %s image.pli)}"
is known "$(field '"\(.known) \(.image.state)"')" "true imported"
admin 200 POST "/images/uploads/$sha/finish"; is sha "$(field .sha256)" "$sha"
cp image.pli bad.pli; printf 'X' | dd of=bad.pli bs=1 seek=20000 conv=notrunc 2>/dev/null
import bad.pli 400; is code "$(field .code)" integrity
field .detail | grep -q ' at 0x' || fail "no place named"
is files "$(find data/images -type f)" "data/images/$sha.pli"
admin 200 GET /images; is parts "$(field '.images[0].parts|length')" 5
lot="{\"lot\":\"A17\",\"product\":\"gateway-u5\",\"image_sha256\":\"$sha\",\"quantity\":5}"
admin 409 POST /lots -d "$lot"; is code "$(field .code)" state
admin 409 POST "/images/$sha/approve"; is code "$(field .code)" refused
admin 400 POST /users -d '{"name":"eve","role":"king"}'
admin 201 POST /users -d '{"name":"eve","role":"engineer"}'; second=$(field .token)
call 200 POST "/api/v1/images/$sha/approve" -H "Authorization: Bearer $second"
is state "$(field '"\(.state) \(.imported_by) \(.approved_by)"')" "approved token:admin token:eve"
admin 201 POST /lots -d "$lot"; is attempts "$(field .max_attempts)" 2
admin 409 POST /lots -d "$lot"; is code "$(field .code)" exists
admin 404 POST /lots -d "${lot/$sha/${sha//?/0}}"
admin 409 POST /lots/A17/pause; is code "$(field .code)" state
admin 200 POST /lots/A17/start; is state "$(field .state)" running
admin 200 POST /lots/A17/pause; admin 200 POST /lots/A17/resume
admin 200 GET /lots/A17; admin 200 GET /lots; admin 404 GET /lots/none
admin 200 POST /assignments -d '{"lot":"A17","station":"st1","harness":""}'
admin 404 POST /assignments -d '{"lot":"A17","station":"nobody","harness":""}'
admin 200 GET /status; is quota "$(field '.lots[0].quota_left')" 5

echo "4. reports of a lot in which nothing was built"
admin 200 GET '/units?lot=A17&limit=10'; is next "$(field .next)" null
admin 404 GET /units/000000000000000000000001
admin 404 GET /certificates/000000000000000000000001.pem
admin 200 GET '/ledger?lot=A17'; is balanced "$(field .balanced)" true
admin 200 GET '/reports/yield?lot=A17'; is rows "$(field '.rows|length')" 0
admin 200 GET '/reports/yield?lot=A17&format=csv'
is head "$(tr -d '\r' <body)" "lot,station,step,entered,failed,yield"
admin 200 GET '/reports/failures?lot=A17'
admin 200 GET '/exports/traceability?lot=A17'
is columns "$(head -1 body | tr ',' '\n' | wc -l)" 30
admin 200 GET '/exports/traceability?lot=A17&format=jsonl'
admin 404 GET '/exports/traceability?lot=none'
admin 200 GET '/exports/attempts?lot=A17'
is columns "$(head -1 body | tr -d '\r' | tr ',' '\n' | sed -n '15,16p;29,$p' | tr '\n' ' ')" "cycle_ms wire_ms rest_ms record_seq "
admin 400 GET '/exports/attempts?lot=A17&format=exe'
admin 400 GET '/exports/traceability?lot=A17&format=exe'
call 200 GET /metrics -H "Authorization: Bearer $token"
grep -q '^provline_record_seq [1-9]' body || fail "metrics"

echo "5. SIGKILL: what was acknowledged is still there"
admin 200 GET /status; was=$(field '.record.hash')
kill -9 $pid; wait $pid || true; start
admin 200 GET /status; is state "$(field '.lots[0].state')" running
is record "$(field .record.hash)" "$was"
call 401 POST /api/v1/enrol -d @enrol.json

echo "6. the end: revoke, close, SIGTERM"
admin 204 POST /stations/st1/revoke; admin 409 POST /stations/st1/revoke
admin 404 POST /stations/none/revoke
admin 200 POST /lots/A17/close; is state "$(field .state)" closed
admin 409 POST /lots/A17/start
rc=0; kill $pid; wait $pid || rc=$?; is "exit on SIGTERM" $rc 0
echo "1 passed, 0 failed"
