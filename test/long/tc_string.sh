#!/usr/bin/env bash
# The same as test/fuzz/tc_string.sh with 50 million strings, in as many
# processes as there are processors, each with a seed of its own.
set -eu

cd "${CDP_TOP:-$(dirname "$0")/../..}"
strings=${TC_FUZZ_STRINGS:-50000000} seed=${TC_FUZZ_SEED:-1} processes=$(nproc)
pids=()
for ((i = 0; i < processes; i++)); do
	TC_FUZZ_STRINGS=$(((strings + processes - 1) / processes)) TC_FUZZ_SEED=$((seed + i)) \
		CDP_TMP=$(mktemp -d "${CDP_TMP:-/tmp}/tc.XXXXXX") bash test/fuzz/tc_string.sh &
	pids+=($!)
done
for pid in "${pids[@]}"; do
	wait "$pid"
done
