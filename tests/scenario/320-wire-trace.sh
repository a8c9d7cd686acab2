#!/bin/bash
# The pins of a whole attempt, read by sigrok: its UART decoder hears the
# provisioning dialogue, with CRCs that gzip agrees to; its SWD decoder reads the
# whole attempt and finds no error until the locked port has to refuse.
. "$(dirname "$0")/lib.sh"

O=$T/out
provline demo --stations 1 --boards 1 --seed 1 --trace --out "$O" >"$T/demo.txt" 2>&1 ||
	fail "demo: $(tail -n 3 "$T/demo.txt")"
vcd=$O/log/S1-H1.vcd

# Only the UART's pins: a small file.
awk '/^\$/ { print; next } /^#/ { at = $0; next } /^[01][de]/ { if (at != last) print at; last = at; print }' \
	"$vcd" >"$T/uart.vcd"
hear() { # CHANNEL: text, a line each
	sigrok-cli -I vcd:downsample=1000 -i "$T/uart.vcd" -P "uart:rx=$1:baudrate=115200:format=ascii" \
		-A uart=rx-data 2>/dev/null | sed 's/^uart-1: //' | tr -d '\n' | sed 's/\[0D\]\[0A\]/\n/g'
}
hear uart_from_board >"$T/board.txt"
hear uart_to_board >"$T/host.txt"
for said in 'BOOT program=sfi-loader' 'INSTALLED program=hardware-test' 'TEST name=sim' 'READY want=challenge' \
	'IDENTITY device_id=PV' 'CSR part=1' 'ATTEST signature=' 'STORED sha256=' 'INSTALLED program=kernel' \
	'APP_TEST status=0' 'DONE program=app'; do
	grep -q "!PL1 [0-9]* $said" "$T/board.txt" || fail "sigrok did not hear $said: $(cat "$T/board.txt")"
done
for said in 'CHALLENGE nonce=' 'CERT part=1'; do
	grep -q "!PL1 [0-9]* $said" "$T/host.txt" || fail "sigrok did not hear $said"
done

checked=0
grep -h '^!PL1 [0-9]* [A-Z_]* .*\*[0-9A-F]\{8\}$' "$T/board.txt" "$T/host.txt" >"$T/sentences"
while IFS= read -r line; do
	crc=$(printf %s "${line%\**}" | gzip -c | tail -c 8 | head -c 4 | od -An -tx4 | tr -d ' ' | tr a-f A-F)
	expect "CRC of $line" "$crc" "${line##*\*}"
	checked=$((checked + 1))
done <"$T/sentences"
[ $checked -gt 30 ] || fail "only $checked sentences were heard"
echo "sigrok heard $checked sentences"

# Only SWD, whose time is its clock: edges counted instead of nanoseconds, and of
# more than 64 clocks of idling those beyond left out.
awk '/^\$var/ { if ($5 == "swclk" || $5 == "swdio") { id[$5] = $4; print } next }
	/^\$/ { print; next }
	/^#/ { next }
	{ level = substr($0, 1, 1); pin = substr($0, 2) }
	pin == id["swdio"] { data = level; idle = 0; print "#" ++n "\n" $0 }
	pin == id["swclk"] {
		if (level == 1 && data == 0) idle++
		if (idle <= 64) print "#" ++n "\n" $0
	}' "$vcd" >"$T/swd.vcd"
rm "$vcd"
sigrok-cli -I vcd -i "$T/swd.vcd" -P swd:swclk=swclk:swdio=swdio >"$T/swd.txt" 2>/dev/null
grep -q "^swd-1: 0x0be12477" "$T/swd.txt" || fail "sigrok saw no DPIDR"
# The first refusal must be that of secure memory, asked for after the option
# register has told RDP 0.5 (0x55) and TrustZone; all before must be in order.
first=$(grep -En "^swd-1: ([A-Z]*(FAULT|WAIT|NOREPLY|ERROR)|[01][01])$" "$T/swd.txt" | head -n 1)
expect "the first answer that is not OK" "${first#*:}" "swd-1: FAULT"
head -n "${first%%:*}" "$T/swd.txt" >"$T/open.txt"
ok=$(grep -c "^swd-1: OK" "$T/open.txt")
[ "$ok" -gt 40000 ] || fail "sigrok saw $ok transfers only before ${first#*:}"
tail -n 40 "$T/open.txt" | grep -Eq "^swd-1: 0x[89a-f][0-9a-f]{5}55$" || fail "no option register before the refusal"
tail -n 12 "$T/open.txt" | grep -q "^swd-1: 0x0c000000$" || fail "the refusal is not that of secure memory"
echo "sigrok read $ok SWD transfers without an error, then the refusal of secure memory"
