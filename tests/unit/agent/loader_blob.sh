#!/bin/sh
# The RAM loader's bytes are the same wherever its source lies, and the code
# holds no path.
#   loader_blob.sh SOURCE-TREE LOADER.BIN
set -eu
tree=$1 built=$2
dir=$(mktemp -d /tmp/provline-blob-XXXXXX)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/elsewhere/agent/target"
cp -r "$tree/agent/target/loader" "$tree/agent/target/u5_regs.h" \
	"$dir/elsewhere/agent/target"
cat >"$dir/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(blob NONE)
set(CMAKE_SOURCE_DIR ${CMAKE_CURRENT_SOURCE_DIR}/elsewhere)
set(CMAKE_CURRENT_SOURCE_DIR ${CMAKE_SOURCE_DIR}/agent/target)
include(${CMAKE_CURRENT_SOURCE_DIR}/loader/build.cmake)
loader_blob(source)
add_custom_target(blob ALL DEPENDS ${source})
CMAKE
cmake -G Ninja -S "$dir" -B "$dir/build" >"$dir/log" 2>&1 &&
	cmake --build "$dir/build" >>"$dir/log" 2>&1 || {
	cat "$dir/log"
	exit 1
}
cmp "$dir/build/loader/loader.bin" "$built"
grep -q . "$dir/build/loader/loader_blob.c"
! strings -n 6 "$built" | grep /
