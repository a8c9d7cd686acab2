#!/bin/bash
# A station whose certificate comes from another CA, and a certificate of our CA
# for a station that was revoked: neither gets in.
. "$(dirname "$0")/lib.sh"
line_up --stations 1

cp -r "$WORK/agent-S1" "$T/thief"
cd "$T" || exit 1
openssl ecparam -name prime256v1 -genkey -noout -out other.key 2>/dev/null
openssl req -x509 -new -key other.key -subj "/CN=Other CA" -days 2 -out other.pem
openssl ecparam -name prime256v1 -genkey -noout -out station.key 2>/dev/null
openssl req -new -key station.key -subj "/CN=S1" |
	openssl x509 -req -CA other.pem -CAkey other.key -CAcreateserial -days 2 -out station.pem 2>/dev/null
host=${AGENT_URL#*//}
# TLS 1.2, so that the server's verdict is part of the handshake
openssl s_client -connect "$host" -tls1_2 -CAfile "$PROVLINE_CA" -cert station.pem -key station.key \
	</dev/null >"$T/s_client.txt" 2>&1 && fail "another CA's certificate was accepted"
openssl s_client -connect "$host" -tls1_2 -CAfile "$PROVLINE_CA" </dev/null >>"$T/s_client.txt" 2>&1 &&
	fail "no certificate was accepted"
openssl s_client -connect "$host" -tls1_1 -CAfile "$PROVLINE_CA" </dev/null >>"$T/s_client.txt" 2>&1 &&
	fail "TLS 1.1 was accepted"

provline station revoke S1 || fail "revoke"
feed H1
sleep 3
left_line H1 && fail "a revoked station finished a board"
expect "outcome" "$(unit H1 outcome)" ""
expect "state" "$(provline station show S1 --json | jq -r .state)" revoked
line_down
