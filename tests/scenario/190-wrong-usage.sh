#!/bin/bash
# What people mistype: every daemon's configuration and options, the demo's
# scenario file. One clear line, exit code 2, nothing started.
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 1

# refused WORDS COMMAND...: as the contract says
refused() {
	local words=$1
	shift
	"$@" >out 2>err </dev/null
	expect "exit code of $*" $? 2
	expect "lines on stderr of $*" "$(wc -l <err)" 1
	grep -q -- "^${1##*/}: [a-z-]*: .*$words.*; [a-z]" err || fail "$*: '$words' is not in: $(cat err)"
	expect "output of $*" "$(cat out)" ""
}

mkdir folder
printf 'no_such_key = 1\n' >unknown.conf
printf '\n\n{{{ \377\n' >garbage.conf
: >empty.conf
mkfifo fifo.conf
for d in controller agent bench cloud; do
	p=$BIN/provline-$d
	refused 'nowhere.conf: No such file' "$p" --config nowhere.conf --check-config
	refused 'folder: not a file' "$p" --config folder --check-config
	refused 'fifo.conf: not a file' "$p" --config fifo.conf --check-config
	refused 'unknown.conf:1: .*no_such_key' "$p" --config unknown.conf --check-config
	refused 'garbage.conf:3: ' "$p" --config garbage.conf --check-config
	refused '' "$p" --no-such-option
	refused '' "$p" --config
	refused '' "$p" one-word-too-many
	expect "version" "$("$p" --version | wc -l)" 1
	"$p" --help | grep -qi "$d" || fail "$p --help"
	[ $d = controller ] || refused 'empty.conf' "$p" --config empty.conf --check-config
done
refused '' "$BIN/provline-bench" ctl --no-such-option
refused '' "$BIN/provline-bench" card-new

# demo_refused WORDS JSON
demo_refused() {
	printf '%s' "$2" >s.json
	refused "$1" "$BIN/provline" demo --scenario s.json --out lot
	[ ! -e lot ] || fail "a folder was made for $2"
}
demo_refused 's.json:1: ' '{'
demo_refused 'it must be' '[]'
demo_refused 'it must be' '{"seed":-1,"boards":[{"serial":"A"}]}'
demo_refused 'board A is there twice' '{"boards":[{"serial":"A"},{"serial":"A"}]}'
demo_refused 'board A: no fault "nope"' '{"boards":[{"serial":"A","faults":["nope"]}]}'
demo_refused 'board 1: a serial has letters' '{"boards":[{"serial":"../../etc"}]}'
demo_refused 'board 1: a serial has letters' '{"boards":[{"serial":"=1+1"}]}'
demo_refused 'no serial' '{"boards":[{"serial":""}]}'
refused 'nowhere.json' "$BIN/provline" demo --scenario nowhere.json
for o in "--stations 0" "--stations 17" "--boards -1" "--seed x" "--pace nan" "--harnesses" "--no-such" word; do
	# shellcheck disable=SC2086 # an option and its value
	refused '' "$BIN/provline" demo $o
done
