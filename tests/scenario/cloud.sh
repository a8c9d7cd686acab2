#!/bin/bash
# provline-cloud judged by curl and openssl. Usage: cloud.sh PROVLINE_CLOUD
set -eu
cloud=$1
example=$(realpath "$(dirname "$0")/../../bench/cloud/provline-cloud.conf")
dir=$(mktemp -d /tmp/provline-cloud.XXXXXX)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
cd "$dir"
fail() { echo "FAIL line ${BASH_LINENO[0]}: $*" >&2; cat log >&2; exit 1; }
is() { [ "$2" = "$3" ] || fail "$1: got '$2', want '$3'"; }

port=$((10000 + RANDOM % 22000)) # not one that the kernel gives to connections: it is used again
printf 'open sesame\n' >secret; chmod 600 secret
config() {
	cat >cloud.conf <<-END
	port = $port
	data_dir = "$dir/data"
	auth_user = "ra"
	auth_secret_file = "$dir/secret"
	client_ca_file = "$dir/ra-ca.pem"
	request_timeout_ms = 1500
	END
	printf '%s\n' "$@" >>cloud.conf
}
start() {
	: >log
	"$cloud" --config cloud.conf 2>>log & pid=$!
	for i in $(seq 100); do
		port=$(sed -n 's/.*LISTENING.*port=//p' log)
		[ -n "$port" ] && return
		kill -0 $pid 2>/dev/null || fail "it ended"
		sleep 0.1
	done
	fail "it does not listen"
}
stop() { local rc=0; kill "$pid"; wait "$pid" || rc=$?; is "exit on SIGTERM" $rc 0; }
faults() { config "$@"; kill -HUP "$pid"
	for i in $(seq 50); do
		grep -q RELOADED log && { : >log; return; }; sleep 0.1; done
	fail "no reload"; }
est() { # est PATH [curl options]: status on stdout, body in ./body
	local path=$1; shift
	curl -s --max-time 20 --cacert data/cloud-ca.pem -D headers -o body \
		-w '%{http_code}' "$@" \
		"https://localhost:$port/.well-known/est/$path" || true
}
enrol() { # enrol FILE [curl options]
	local file=$1; shift
	est simpleenroll -u 'ra:open sesame' \
		-H 'Content-Type: application/pkcs10' --data-binary "@$file" "$@"
}
csr() { # csr NAME SUBJECT [req options]: NAME.key, NAME.b64
	local name=$1 subject=$2; shift 2
	[ -e "$name.key" ] || openssl genpkey -algorithm EC \
		-pkeyopt ec_paramgen_curve:P-256 -out "$name.key" 2>/dev/null
	openssl req -new -key "$name.key" -subj "$subject" -outform DER \
		-out "$name.der" "$@"
	base64 "$name.der" >"$name.b64"
}
certs() { openssl base64 -d -in body | openssl pkcs7 -inform DER -print_certs; }
ID=PV00112233445566778899aabbccddeeff
ID2=PVffeeddccbbaa99887766554433221100

# the registration authority's client certificate, and a stranger's
for ra in ra stranger; do
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout $ra-ca.key -out $ra-ca.pem -subj "/CN=$ra CA" \
		-days 2 2>/dev/null
	csr $ra "/CN=$ra"
	openssl x509 -req -inform DER -in $ra.der -CA $ra-ca.pem \
		-CAkey $ra-ca.key -days 2 -out $ra.pem 2>/dev/null
done

echo "1. configuration: one line, exit code 2"
bad() { local rc=0; config "$@"
	"$cloud" --config cloud.conf --check-config >out 2>err || rc=$?
	is "exit of: $*" $rc 2; is "lines of: $*" "$(wc -l <err)" 1; }
bad 'colour = "red"'; grep -q 'cloud.conf:7.*colour' err || fail "$(cat err)"
bad 'port = 70000'; grep -q 'cloud.conf:7.*port' err || fail "$(cat err)"
bad 'port = "x"'; bad 'auth_user = ""'; bad 'common_name = "["'
bad 'client_ca_file = "/none"'; bad 'certificate_days = 0'
bad 'server_names = {}'
rc=0; "$cloud" --config none.conf 2>err || rc=$?; is "no file" $rc 2
rc=0; "$cloud" 2>err || rc=$?; is "no option" $rc 2
"$cloud" --help | grep -q usage: || fail help
chmod 644 secret; config; rc=0; "$cloud" --config cloud.conf 2>err || rc=$?
is "secret readable by others" $rc 2; chmod 600 secret
"$cloud" --config cloud.conf --check-config || fail "good configuration"
sed "s|/etc/provline/cloud-secret|$dir/secret|" "$example" >example.conf
"$cloud" --config example.conf --check-config || fail "the shipped example"

echo "2. cacerts"
start
is status "$(est cacerts)" 200
grep -qi '^content-type: application/pkcs7-mime' headers || fail type
certs >ca.pem
is "certificates" "$(grep -c BEGIN ca.pem)" 2
openssl verify -CAfile data/cloud-ca.pem ca.pem >/dev/null || fail verify
is "key readable by others" "$(find data -name '*key.pem' -perm /077)" ""
openssl s_client -connect "127.0.0.1:$port" -tls1_1 \
	-cipher DEFAULT@SECLEVEL=0 </dev/null >s_client 2>&1 || true
grep -q 'alert protocol version' s_client || fail "TLS 1.1: $(cat s_client)"
openssl s_client -connect "127.0.0.1:$port" -tls1_2 </dev/null >s_client 2>&1
grep -q 'Protocol *: TLSv1.2' s_client || fail "TLS 1.2: $(cat s_client)"

echo "3. a certificate that openssl verifies"
csr dev "/CN=$ID/serialNumber=00112233445566778899aabb"
is status "$(enrol dev.b64)" 200
certs >dev.pem
is "certificates" "$(grep -c BEGIN dev.pem)" 1
openssl verify -CAfile data/cloud-ca.pem -purpose sslclient dev.pem \
	>/dev/null || fail verify
is subject "$(openssl x509 -in dev.pem -noout -subject)" \
	"subject=CN = $ID, serialNumber = 00112233445566778899aabb"
is key "$(openssl x509 -in dev.pem -noout -pubkey)" \
	"$(openssl pkey -in dev.key -pubout)"
serial=$(openssl x509 -in dev.pem -noout -serial | cut -d= -f2)
is "bytes of serial" ${#serial} 32
is "CA:FALSE" "$(openssl x509 -in dev.pem -noout -text | grep -c CA:FALSE)" 1

echo "4. again: the same certificate; another key: refused"
csr dev "/CN=$ID/serialNumber=00112233445566778899aabb" -sha384
is status "$(enrol dev.b64)" 200
certs >again.pem; cmp dev.pem again.pem || fail "a second certificate"
csr clone "/CN=$ID"
is "other key" "$(enrol clone.b64)" 409
cp dev.key dev2.key; csr dev2 "/CN=$ID2"
is "key of another device" "$(enrol dev2.b64)" 409
csr other "/CN=$ID2"
is "other device" "$(enrol other.b64)" 200
certs >other.pem
[ "$(openssl x509 -in other.pem -noout -serial)" != "serial=$serial" ] ||
	fail "the same serial twice"

is "same connection again" "$(curl -s --cacert data/cloud-ca.pem \
	-u 'ra:open sesame' -H 'Content-Type: application/pkcs10' \
	--data-binary @dev.b64 -w '%{http_code}/%{num_connects} ' -o a -o b \
	"https://localhost:$port/.well-known/est/"{simpleenroll,simpleenroll})" \
	"200/1 200/0 "

echo "5. who may enrol"
csr new "/CN=PV000000000000000000000000000000aa"
send=(-H 'Content-Type: application/pkcs10' --data-binary @new.b64)
is "no credentials" "$(est simpleenroll "${send[@]}")" 401
grep -qi '^www-authenticate: basic realm=' headers || fail "no challenge"
for user in ra: ra:wrong 'ra:open sesam' 'ra:open sesame1' 'rb:open sesame' \
	':open sesame' "ra:$(head -c 400 /dev/zero | tr '\0' x)"; do
	is "$user" "$(est simpleenroll "${send[@]}" -u "$user")" 401
done
is "endless" "$(est simpleenroll "${send[@]}" \
	-u "ra:$(head -c 1000 /dev/zero | tr '\0' x)")" 431
is "junk" "$(est simpleenroll "${send[@]}" -H 'Authorization: Basic !!!')" 401
is "scheme" "$(est simpleenroll "${send[@]}" -H 'Authorization: Bearer x')" 401
is "stranger's certificate" "$(est simpleenroll "${send[@]}" \
	--cert stranger.pem --key stranger.key | grep -c 200 || true)" 0
[ ! -e data/devices/PV000000000000000000000000000000aa.pem ] ||
	fail "issued to a stranger"
is "client certificate" "$(est simpleenroll "${send[@]}" \
	--cert ra.pem --key ra.key)" 200

echo "6. requests that are none"
printf 'hello' >x; is "no base64" "$(enrol x)" 400
head -c 300 /dev/urandom | base64 >x; is noise "$(enrol x)" 400
: >x; is empty "$(enrol x)" 400
{ openssl base64 -d -in new.b64; printf x; } | base64 >x
is "trailing byte" "$(enrol x)" 400
csr late "/CN=PV000000000000000000000000000000ab"
size=$(stat -c %s late.der)
printf '\x55' | dd of=late.der bs=1 seek=$((size - 5)) conv=notrunc 2>/dev/null
base64 late.der >x; is "bad signature" "$(enrol x)" 400
csr n1 "/CN=..\\/..\\/etc\\/passwd"; is "name" "$(enrol n1.b64)" 400
csr n2 "/O=x/CN=PV000000000000000000000000000000ac"
is "subject" "$(enrol n2.b64)" 400
csr n3 "/CN=PV000000000000000000000000000000AC"
is "upper case" "$(enrol n3.b64)" 400
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384.key \
	2>/dev/null
csr p384 "/CN=PV000000000000000000000000000000ad"
is "other curve" "$(enrol p384.b64)" 400
openssl genpkey -algorithm RSA -out rsa.key 2>/dev/null
csr rsa "/CN=PV000000000000000000000000000000ae"; is rsa "$(enrol rsa.b64)" 400
head -c 9000 /dev/zero | base64 >x; is "too large" "$(enrol x)" 413
is "type" "$(est simpleenroll -u 'ra:open sesame' --data-binary @new.b64)" 415
is "path" "$(est simplereenroll)" 404
is "method" "$(est simpleenroll)" 405
is "method" "$(est cacerts -d x)" 405
is "still there" "$(est cacerts)" 200

echo "7. slow clients are cut, others are served meanwhile"
slow() { # slow TEXT: send it, then a byte every 0.3 s; how long until cut?
	local t=$SECONDS
	{ printf "$1"; for i in $(seq 40); do sleep 0.3; printf x || break; done
	} 2>/dev/null | timeout 100 openssl s_client -quiet -no_ign_eof \
		-connect "127.0.0.1:$port" >/dev/null 2>&1 || true
	echo $((SECONDS - t)); }
slow 'POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n' >slow1 & a=$!
slow 'GET /.well-known/est/cacerts HTTP/1.1\r\nX-Slow: ' >slow2 & b=$!
sleep 1; is "meanwhile" "$(est cacerts)" 200
wait $a $b
echo "   body after $(cat slow1) s, header after $(cat slow2) s"
[[ $(cat slow1) == [1-6] ]] || fail "slow body: $(cat slow1) s"
[[ $(cat slow2) == [1-9] ]] || fail "slow header: $(cat slow2) s"
grep -q 'CLIENT_SLOW path=/.well-known/est/simpleenroll' log || fail "no log"

echo "8. faults on purpose"
faults 'fault_pending_every = 1' 'fault_retry_after_s = 7'
csr f "/CN=PV000000000000000000000000000000b0"
is pending "$(enrol f.b64)" 202
grep -qi '^retry-after: 7' headers || fail "no Retry-After"
faults 'fault_error_every = 1'; is error "$(enrol f.b64)" 503
[ ! -e data/devices/PV000000000000000000000000000000b0.pem ] || fail issued
faults 'fault_drop_every = 1'; is "lost reply" "$(enrol f.b64)" 000
[ -e data/devices/PV000000000000000000000000000000b0.pem ] || fail "not issued"
faults 'fault_garbage_every = 1'; is garbage "$(enrol f.b64)" 200
! certs >x 2>/dev/null || fail "that was no garbage"
faults 'fault_delay_ms = 800'
is "after all" "$(enrol f.b64 -w '%{http_code} %{time_total}' |
	awk '{print $1 ($2 >= 0.8 && $2 < 3)}')" 2001
certs | openssl x509 >f.pem
cmp f.pem data/devices/PV000000000000000000000000000000b0.pem ||
	fail "not the certificate whose reply was lost"
faults 'fault_error_every = 2'
is "every second" "$(enrol f.b64; enrol f.b64)" "$(printf '200503')"

echo "9. a restart, even a hard one, forgets nothing"
rc=0; "$cloud" --config cloud.conf 2>err || rc=$?
is "second process on the folder" $rc 3
config
kill -KILL "$pid"; wait "$pid" 2>/dev/null || true
start
is status "$(enrol dev.b64)" 200
certs >again.pem; cmp dev.pem again.pem || fail "another certificate"
is "clone" "$(enrol clone.b64)" 409
openssl verify -CAfile data/cloud-ca.pem dev.pem >/dev/null || fail verify
stop
echo "10. damaged CA files are refused"
cp data/issuing.pem keep; cp data/root.pem data/issuing.pem
rc=0; "$cloud" --config cloud.conf 2>err || rc=$?; is "wrong CA" $rc 2
echo noise >data/issuing.pem
rc=0; "$cloud" --config cloud.conf 2>err || rc=$?; is "noise" $rc 2
cp keep data/issuing.pem; start; stop
echo "cloud: all as it should be"
