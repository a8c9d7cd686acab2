#!/bin/bash
# The commands of docs/quick-start.md, "A line of your own", as they stand there,
# but for ports that are free and waiting where a person would look. Then what
# a newcomer does wrong, on that line.
. "$(dirname "$0")/lib.sh"
DOCS=$(realpath "$(dirname "$0")/../../docs")
ROOT=$(realpath "$(dirname "$0")/../..")
cd "$T" || exit 1
ln -s "$(realpath "$BIN/..")" build
export TMPDIR=$T

# daemon PROGRAM OPTION...: in the background, until it says that it is up
daemon() {
	: >"$T/$1.log"
	"$@" >>"$T/$1.log" 2>&1 </dev/null &
	BENCHES="$BENCHES $!" # finish ends them
	wait_for 60 grep -qE 'READY|LISTENING|LINK_BOUND' "$T/$1.log"
}
fed() { provline-bench ctl --socket control '{"cmd":"feed-state"}' | jq -e '.remaining == 0' >/dev/null; }
ends_as() { # EXIT-CODE WORDS COMMAND...: in one line
	local code=$1 words=$2 got
	shift 2
	timeout 60 "$@" >out 2>err </dev/null
	got=$?
	expect "exit code of $* ($(cat err))" $got "$code"
	expect "lines on stderr of $*" "$(grep -vc ' info ' err)" 1
	grep -q -- "^[a-z-]*: [a-z-]*: .*$words" err || fail "$*: '$words' is not in: $(cat err)"
}
unset -f provline
sed -n '/^## A line of your own/,$ { /^```sh$/,/^```$/ { /^```/! p } }' "$DOCS/quick-start.md" >commands
p1=$(free_port) p2=$(free_port) p3=$(free_port)
sed -i -e "s/:7411/:$p1/; s/:7443/:$p2/; s/:8443/:$p3/" \
	-e "s|^cloud_ca = |agent_listen = \"tls+tcp://127.0.0.1:$p1\"\nhttps_port = $p2\n&|" -e "s|^auth_user = |port = $p3\n&|" \
	-e 's/^\(provline-[a-z]* --config .*\) &$/daemon \1/' \
	-e '/"feed-state"/ s/.*/wait_for 60 fed/' -e 's/^provline card personalise/wait_for 10 provline card inspect\n&/' commands
expect "daemons in the page" "$(grep -c ^daemon commands)" 4
export PROVLINE_URL=https://localhost:$p2
set -e
. ./commands >said
set +e
mv ../said .
grep -q '^LOT1 .* running ' said || fail "the lot does not run: $(cat said)"
expect "passed, failed" "$(jq -rs '[.[] | .counts.passed, .counts.failed] | join(" ")' <(provline lot show LOT1 --json))" "2 1"
expect "serials" "$(provline unit list --lot LOT1 --json | jq -r '[.[].board_serial] | sort | join(" ")')" "A1 A2 A3"
grep -q 'whole, in order and unchanged' said || fail "evidence: $(cat said)"
provline status >now
grep -q 'S1 .* h1 ' now || fail "the station is not shown: $(cat now)"
grep -q ' empty .*\(record\|spi-flash\)' now && fail "an empty harness shows the step of the board before: $(cat now)"

# -------- the name, the CA, the token, the address --------
for name in DNS:localhost DNS:line1.example 'IP Address:127.0.0.1'; do
	openssl x509 -in controller/server.pem -noout -ext subjectAltName | grep -q "$name" || fail "the certificate lacks $name"
done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -out other.pem -subj /CN=x 2>openssl.log
(umask 077; echo abcdef >bad.token)
ends_as 5 'is not this CA.*; give its own ca.pem with --ca' provline status --ca other.pem
ends_as 5 '; ' provline status --token-file bad.token
ends_as 1 'nowhere: No such file.*; give the file with your token' provline status --token-file nowhere
ends_as 2 'https://HOST:PORT' provline status --url "http://localhost:$p2"
ends_as 2 'https://HOST:PORT' provline status --url "localhost:$p2"
ends_as 4 '; check that it runs' provline status --url https://localhost:1

# -------- what is in use --------
ends_as 3 'in use by another process; end the controller' provline-controller --config controller.conf
ends_as 3 'another cloud uses it; end it' provline-cloud --config cloud.conf
provline init --data second >/dev/null || fail "init"
printf 'data_dir = "second"\nagent_listen = "tls+tcp://127.0.0.1:%d"\nhttps_port = 0\n' "$p1" >second.conf
ends_as 1 'ddress in use; .*agent_listen' provline-controller --config second.conf
printf 'data_dir = "second"\nagent_listen = "tls+tcp://127.0.0.1:0"\nhttps_port = %d\n' "$p2" >second.conf
ends_as 1 'cannot listen.*; .*https_port' provline-controller --config second.conf

# -------- lots --------
ends_as 3 'for product P1; give that product' provline lot create L2 --product P2 --image "$SHA256" --quantity 1
provline lot create L2 --product P1 --image "$SHA256" --quantity 1 >/dev/null || fail "lot create"
ends_as 3 'not closed; close it first' provline evidence export --lot L2 --output l2.tar
[ ! -e l2.tar ] || fail "a refused export leaves a file"

shows() { provline station list | grep -q "$1"; }
provline assign L2 S1 || fail "assign"
wait_for 20 shows 'no lot assigned, or not started'

# -------- a folder of somebody else's, a volume that is full --------
if [ "$(id -u)" = 0 ]; then
	chmod 755 "$T"
	mkdir -m 700 theirs
	ends_as 2 'Permission denied; start it as the user who owns' setpriv --reuid=65534 --clear-groups \
		"$BIN/provline-controller" --data "$PWD/theirs"
fi
mkdir full
provline init --data third >/dev/null || fail "init"
if unshare -m mount -t tmpfs none full 2>/dev/null; then # a volume that goes with the command
	on_full() { ends_as 1 '; free space' unshare -m bash -c "mount -t tmpfs -o size=1m none full &&
		cp -r third full/ && { head -c 2m /dev/zero >full/rest; } 2>/dev/null; exec $*"; }
	on_full provline-controller --data full/third
	on_full provline init --data full/other
fi

# -------- enrolment --------
sed 's|/agent"|/agent2"|; s/"S1"/"S2"/' agent.conf >agent2.conf
ends_as 2 'station.key: No such file.*; enrol the station' provline-agent --config agent2.conf
provline station enroll S3 | tail -n 1 >token
ends_as 2 'CN=S3, but this is station S2; set station' bash -c 'provline-agent --config agent2.conf --enrol - <token'
ends_as 5 'spent' bash -c 'provline-agent --config agent2.conf --enrol - <token'
sed -i 's/\..*/.'"$(printf '%064d' 0)/" token
ends_as 6 'another controller' bash -c 'provline-agent --config agent2.conf --enrol - <token'
[ ! -e agent2/station.pem ] || fail "a refused enrolment leaves a certificate"

# -------- the shipped examples --------
for f in deploy/provline-agent bench/daemon/provline-bench; do
	p=${f##*/}
	"$p" --config "$ROOT/$f.conf" --check-config >/dev/null || fail "$f.conf"
done
sed "s|/var/lib/provline|$T/line/controller|" "$ROOT/deploy/provline-controller.conf" >c.conf
provline-controller --config c.conf --check-config >/dev/null || fail "deploy/provline-controller.conf"
