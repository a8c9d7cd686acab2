#!/bin/bash
# run.sh NAME [libFuzzer option...]: fuzz-NAME on its kept corpus for
# PROVLINE_FUZZ_SECONDS (20), divided by PROVLINE_FUZZ_SHARE (1). libFuzzer prints its seed; `-seed=N` repeats it.
# What it finds on the way is thrown away; an input that crashes stays in
# build/fuzz/found/. To keep new inputs after a long run:
#
#   build/fuzz/bin/fuzz-NAME -max_total_time=3600 NEW tests/fuzz/corpus/NAME
#   build/fuzz/bin/fuzz-NAME -merge=1 tests/fuzz/corpus/NAME NEW
set -eu
cd "$(dirname "$0")/../.."
name=$1
shift
mkdir -p build/fuzz/found
seconds=$((${PROVLINE_FUZZ_SECONDS:-20} / ${PROVLINE_FUZZ_SHARE:-1}))
((seconds > 0)) || seconds=1 # libFuzzer takes 0 for "without end"
new=$(mktemp -d "${TMPDIR:-/tmp}/provline-fuzz-XXXXXX")
trap 'rm -rf "$new"' EXIT
build/fuzz/bin/fuzz-"$name" -max_total_time="$seconds" \
	-timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
	-artifact_prefix="build/fuzz/found/$name-" "$@" "$new" "tests/fuzz/corpus/$name"
