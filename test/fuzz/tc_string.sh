#!/usr/bin/env bash
# The decoder of TC strings under AddressSanitizer and UBSan, with random and
# mutated strings.
#
#   TC_FUZZ_STRINGS	how many (1000000)
#   TC_FUZZ_SEED	of the random numbers (1)
set -eu

cd "${CDP_TOP:-$(dirname "$0")/../..}"
tmp=${CDP_TMP:-$(mktemp -d)}
compiler=${CC:-$(command -v gcc || command -v clang || true)}
[ -n "$compiler" ] || { echo 'skipped: no compiler'; exit 77; }
headers=$("${PG_CONFIG:-$(command -v pg_config || ls /usr/lib/postgresql/*/bin/pg_config | head -1)}" --includedir-server)
"$compiler" -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -D_GNU_SOURCE -Isrc -I"$headers" \
	-o "$tmp/tc_string" test/fuzz/tc_string.c src/consent/tc_decode.c
"$tmp/tc_string" "${TC_FUZZ_STRINGS:-1000000}" "${TC_FUZZ_SEED:-1}"
