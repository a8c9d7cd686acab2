# Shared by the numbered scenarios: a line of virtual boards that is up and
# idle, boards put into it one by one, and plain assertions.
#
# BIN is the folder of the programs, given by CTest. Everything a scenario makes
# lies in $T, which is removed when it succeeds.

set -u
: "${BIN:?BIN must name the folder of the programs}"
T=$(mktemp -d "${TMPDIR:-/tmp}/provline-scenario-XXXXXX")
DEMO_PID=
BENCHES=
FTDI_CFG=$(realpath "$(dirname "${BASH_SOURCE[0]}")/ftdi.cfg")

fail() {
	echo "FAILED: $*" >&2
	for log in "$T"/out/log/*.log; do
		[ -f "$log" ] && echo "--- ${log##*/}" >&2 && tail -n 12 "$log" >&2
	done
	exit 1
}

finish() {
	code=$?
	[ -n "$DEMO_PID" ] && kill -TERM "$DEMO_PID" 2>/dev/null && wait "$DEMO_PID" 2>/dev/null
	# shellcheck disable=SC2086 # a list
	[ -n "$BENCHES" ] && kill $BENCHES 2>/dev/null && wait $BENCHES 2>/dev/null
	if [ $code -eq 0 ]; then rm -rf "$T"; else echo "kept: $T" >&2; fi
	exit $code
}
trap finish EXIT

# free_port: one that nobody listens on, below those that the kernel gives to
# connections, so that it stays free while a daemon is started again
free_port() {
	local port
	while port=$((10000 + (RANDOM * 32768 + RANDOM) % 22000)); do
		(: </dev/tcp/127.0.0.1/$port) 2>/dev/null || break
	done
	echo $port
}

# wait_for SECONDS COMMAND...: until the command succeeds; on a busy machine
# five times as long
wait_for() {
	local tries=$(($1 * 25))
	shift
	while ! "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || fail "never came true: $*"
		sleep 0.2
	done
}

# line_up [demo options]: a running lot LOT, no boards yet
line_up() {
	"$BIN/provline" demo --keep --boards 0 --quantity 50 --out "$T/out" "$@" \
		>"$T/demo.txt" 2>&1 &
	DEMO_PID=$!
	wait_for 60 line_ready
	. "$T/out/line.env"
}

line_ready() {
	kill -0 "$DEMO_PID" 2>/dev/null || fail "the demo ended: $(cat "$T/demo.txt")"
	grep -qs 'Ctrl-C ends the line' "$T/demo.txt"
}

# line_down: everything must end cleanly
line_down() {
	kill -TERM "$DEMO_PID"
	wait "$DEMO_PID"
	local code=$?
	DEMO_PID=
	[ $code -eq 0 ] || fail "the line ended with $code: $(cat "$T/demo.txt")"
}

# bench_config FILE [SUFFIX]: a bench of one's own; its probes, and what else is
# to be set, on standard input. Its sockets are $T/usbSUFFIX and $T/controlSUFFIX.
bench_config() {
	cat >"$1" <<CONF
usb_socket = "$T/usb${2:-}"
control_socket = "$T/control${2:-}"
data_dir = "$T/data${2:-}"
$(cat)
CONF
}

# bench_up FILE [SUFFIX]: until it listens; finish ends it
bench_up() {
	"$BIN/provline-bench" --config "$1" 2>"$T/bench${2:-}.log" &
	BENCHES="$BENCHES $!"
	BENCH_CONTROL=$T/control${2:-}
	export PROVLINE_BENCH_SOCKET=$T/usb${2:-}
	wait_for 10 test -S "$BENCH_CONTROL"
}

# board_in PROBE SERIAL [FAULT], board_out PROBE: by hand, without the operator
board_in() {
	ctl "{\"cmd\":\"insert\",\"probe\":\"$1\",\"board\":{\"serial\":\"$2\",\"faults\":[${3:+\"$3\"}]}}" >/dev/null ||
		fail "insert $2"
}
board_out() { ctl "{\"cmd\":\"remove\",\"probe\":\"$1\"}" >/dev/null || fail "remove from $1"; }

# openocd_runs ARGUMENT...: Debian's openocd on the bench; what it says is in
# $T/ocd.log. It ignores SIGTERM while it waits.
openocd_runs() {
	LD_LIBRARY_PATH=$BIN/../lib/bench timeout -s KILL 400 openocd -f "$FTDI_CFG" -c "gdb_port disabled" \
		"$@" -c shutdown >"$T/ocd.log" 2>&1 || fail "openocd $*: $(tail -n 20 "$T/ocd.log")"
}

ctl() { "$BIN/provline-bench" ctl --socket "$BENCH_CONTROL" "$1"; }
provline() { "$BIN/provline" "$@"; }

# feed SERIAL [FAULT...]: the virtual operator gets one board more
feed() {
	local serial=$1 faults
	shift
	faults=$(printf '%s\n' "$@" | jq -R . | jq -sc 'map(select(. != ""))')
	ctl "{\"cmd\":\"feed\",\"boards\":[{\"serial\":\"$serial\",\"faults\":$faults}]}" >/dev/null ||
		fail "feed $serial"
}

left_line() {
	ctl '{"cmd":"feed-state"}' | jq -e --arg s "$1" '.done[] | select(.serial == $s)' >/dev/null
}

# light SERIAL: the light under which it left; of the boards fed last
light() {
	ctl '{"cmd":"feed-state"}' | jq -r --arg s "$1" '.done[] | select(.serial == $s) | .light'
}

# unit SERIAL MEMBER: of the controller's record
unit() {
	provline unit list --lot "$LOT" --json |
		jq -r --arg s "$1" --arg m "$2" '.[] | select(.board_serial == $s) | .[$m]'
}

# run_board SERIAL [FAULT...]: in, and out again
run_board() {
	feed "$@"
	wait_for 90 left_line "$1"
}

expect() { # WHAT ACTUAL WANTED
	[ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"
}

# expect_fail SERIAL CODE: the unit failed for this reason and got a red light
expect_fail() {
	expect "outcome of $1" "$(unit "$1" outcome)" fail
	expect "failure of $1" "$(unit "$1" failure_code)" "$2"
	expect "light of $1" "$(light "$1")" red
}

expect_pass() {
	expect "outcome of $1" "$(unit "$1" outcome)" pass
	expect "light of $1" "$(light "$1")" green
}

card_counter() { ctl '{"cmd":"card-state"}' | jq '[.readers[].counter] | add'; }

# process NAME: its id
process() { cat "$T/out/log/$1.pid"; }
