#!/bin/bash
# What binutils reads out of the five programs of a board: built for this core,
# vectors and header where layout.h puts them, all of it inside its place in
# flash and in SRAM, nothing left undefined.
#   elf.sh FOLDER LAYOUT.H VERSION
set -euo pipefail

folder=$1 layout=$2 version=$3
failed=0

fail() {
	echo "FAILED: $program: $*" >&2
	failed=1
}
# define NAME: the number that layout.h gives it
define() {
	local value
	value=$(awk -v n="LAYOUT_$1" '$1 == "#define" && $2 == n {print $3}' \
		"$layout")
	echo $((${value%u}))
}
# word OFFSET: a 32-bit word of the binary
word() {
	echo $((0x$(od -An -tx4 -j "$1" -N 4 "$folder/$program.bin" | tr -d ' ')))
}
symbol() {
	echo $((0x$(awk -v n="$1" '$3 == n {print $1}' <<<"$symbols")))
}
# within FIRST LENGTH BASE SIZE
within() {
	[ "$1" -ge "$3" ] && [ $(($1 + $2)) -le $(($3 + $4)) ]
}

check_core() {
	local header attributes
	header=$(arm-none-eabi-readelf -h "$elf")
	attributes=$(arm-none-eabi-readelf -A "$elf")
	grep -q 'Type: *EXEC' <<<"$header" || fail "not linked for its address"
	grep -q 'Tag_CPU_arch: v8-M.mainline' <<<"$attributes" ||
		fail "not for a Cortex-M33"
	! grep -q 'Tag_FP_arch' <<<"$attributes" ||
		fail "uses the FPU, which nobody switches on"
	[ $(($(awk '/Entry point/ {print $NF}' <<<"$header"))) = "$(word 4)" ] ||
		fail "the entry point is not the reset vector"
}

check_vectors() {
	local i vector
	[ "$(word 0)" = "$(symbol stack_top)" ] &&
		[ $(($(word 0) % 8)) = 0 ] &&
		within "$(word 0)" 0 "$ram" "$ram_size" ||
		fail "initial stack pointer"
	for ((i = 1; i < 16; i++)); do
		vector=$(word $((4 * i)))
		[ $((vector & 1)) = 1 ] && within "$vector" 0 "$place" "$length" ||
			fail "vector $i does not lead into the program"
	done
}

check_header() {
	local at
	at=$(define HEADER_OFFSET)
	[ "$(word "$at")" = "$(define HEADER_MAGIC)" ] || fail "no header"
	[ "$(word $((at + 4)))" = "$number" ] || fail "header of another program"
	[ "$(word $((at + 8)))" = "$length" ] &&
		[ "$(stat -c %s "$folder/$program.bin")" = "$length" ] ||
		fail "length: header, linker and file differ"
	[ $((length % $(define QUADWORD_BYTES))) = 0 ] ||
		fail "not whole quad-words"
	[ "$(dd if="$folder/$program.bin" bs=1 skip=$((at + 16)) count=32 \
		status=none | tr -d '\0')" = "$version" ] ||
		fail "version is not $version"
}

# Every segment: its load address in the program's place, its run-time address
# there or in SRAM.
check_segments() {
	local type virtual physical in_file in_memory rest segments=0
	while read -r type _ virtual physical in_file in_memory rest; do
		[ "$type" = LOAD ] || continue
		segments=$((segments + 1))
		((in_file == 0)) ||
			within $((physical)) $((in_file)) "$place" "$size" ||
			fail "segment at $physical is outside its place"
		within $((virtual)) $((in_memory)) "$place" "$size" ||
			within $((virtual)) $((in_memory)) "$ram" "$ram_size" ||
			fail "segment at $virtual is in no memory of its own"
	done < <(arm-none-eabi-readelf -lW "$elf")
	[ "$segments" -ge 2 ] || fail "no segments"
	within "$place" "$length" "$place" "$size" || fail "does not fit"
}

# check PROGRAM NUMBER PLACE RAM RAM-SIZE; size of the place from layout.h
check() {
	program=$1 number=$2 ram=$(($4)) ram_size=$(($5))
	elf=$folder/$program.elf
	place=$(($(define FLASH_S) + $(define "$3")))
	size=$(define "$3_BYTES")
	symbols=$(arm-none-eabi-nm "$elf")
	length=$(symbol program_length)
	check_core
	check_vectors
	check_header
	check_segments
	! grep -E '^ +[UwvV] ' <<<"$symbols" || fail "undefined symbols"
	echo "$program: $length of $size bytes"
}

check sfi-loader 1 LOADER 0x30000000 0x80000
check hardware-test 2 TEST 0x30000000 0x80000
check kernel 3 KERNEL 0x30000000 0x80000
check app-test 4 APP 0x30080000 0x40000
check app 5 APP 0x30080000 0x40000
exit "$failed"
