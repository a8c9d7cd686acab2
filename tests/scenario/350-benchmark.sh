#!/bin/bash
# The performance programme on its cheapest figures: the shape of its JSON, the
# names it takes, and that "met" follows from value and reach. Times are not
# judged here.
. "$(dirname "$0")/lib.sh"

bench() { "$BIN/provline-benchmark" "$@"; }

bench --list >"$T/list" || fail "--list"
for name in swclk-per-word usb-out-per-byte blank-over-floor update-over-full verify-4mib \
	openocd-blank openocd-dirty cpu-per-mib rss-programming \
	image-build-8mib image-verify-over-sha256 image-verify-rate image-rss-64mib; do
	grep -q "^$name " "$T/list" || fail "no figure $name"
done
bench no-such-figure 2>"$T/err"
expect "exit code for an unknown figure" $? 2
grep -q 'no-such-figure' "$T/err" || fail "$(cat "$T/err")"
bench --seed x 2>/dev/null
expect "exit code for a bad seed" $? 2

bench --seed 7 --out "$T/bench.json" swclk-per-word usb-out-per-byte-oe >"$T/table" 2>"$T/err" ||
	fail "exit $?: $(cat "$T/err")"
expect "rows of the table" "$(grep -cE '^(swclk-per-word|usb-out-per-byte-oe) ' "$T/table")" 2
[ "$(wc -L <"$T/table")" -le 100 ] || fail "the table is wider than 100 columns"
jq -e '
	(keys == ["figures", "machine"]) and
	(.machine | (.cpu | type == "string") and .cores > 0 and .seed == 7) and
	([.figures[].name] == ["swclk-per-word", "usb-out-per-byte-oe"]) and
	([.figures[] | keys == ["met", "name", "op", "reach", "unit", "value"]] | all) and
	([.figures[] | (.op == "<=" or .op == ">=") and (.met | type == "boolean")] | all) and
	(.figures[0] | .met == (.value <= .reach)) and
	(.figures[1] | .reach == null and .met) and
	# a word is 46 clocks by the protocol, and both are more than the payload
	(.figures[0].value > 46 and .figures[1].value > 1)' \
	"$T/bench.json" >/dev/null || fail "bench.json: $(cat "$T/bench.json")"

# Another seed, other words: the wire does not care what they are.
bench --seed 8 --out "$T/again.json" swclk-per-word >/dev/null 2>&1 || fail "the second time"
jq -es '(.[0].figures[0].value - .[1].figures[0].value) | fabs < 0.2' "$T/bench.json" "$T/again.json" >/dev/null ||
	fail "the figure does not repeat: $(cat "$T/bench.json" "$T/again.json")"
echo "the performance programme measures"
