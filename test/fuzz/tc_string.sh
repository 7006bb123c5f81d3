#!/usr/bin/env bash
# Type tc_string under AddressSanitizer and UBSan, with random and mutated
# strings: its input, receive, output and send functions, tc_decode() and
# tc_allows(), outside of a server.
#
#   TC_FUZZ_STRINGS	how many (300000; test/long/tc_string.sh has 50 million)
#   TC_FUZZ_SEED	of the random numbers (1)
set -eu

cd "${CDP_TOP:-$(dirname "$0")/../..}"
tmp=${CDP_TMP:-$(mktemp -d)}
compiler=${CC:-$(command -v gcc || command -v clang || true)}
[ -n "$compiler" ] || { echo 'skipped: no compiler'; exit 77; }
headers=$("${PG_CONFIG:-$(command -v pg_config || ls /usr/lib/postgresql/*/bin/pg_config | head -1)}" --includedir-server)
"$compiler" -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -D_GNU_SOURCE -Isrc -Itest/fuzz -I"$headers" \
	-o "$tmp/tc_string" test/fuzz/tc_string.c test/fuzz/server.c \
	src/consent/tc_string.c src/consent/tc_decode.c src/core/text.c
"$tmp/tc_string" "${TC_FUZZ_STRINGS:-300000}" "${TC_FUZZ_SEED:-1}"
