#!/bin/sh
# doc/examples/rust: the alloc crate on the default heap, where there is a rustc.
# Prints TAP.
set -u
rustc=${RUSTC-rustc}
source=${top_srcdir:-.}/doc/examples/rust/boxes.rs
library=${top_builddir:-.}/tests/heap

if [ -n "${INSTRUMENTED-}${TEST_COUNTS-}" ]; then
	echo "1..0 # SKIP objects of this build want a library that rustc does not link"
	exit 0
fi
if ! "$rustc" --version >/dev/null 2>&1; then
	echo "1..0 # SKIP no rustc here (apt install rustc)"
	exit 0
fi
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
if ! "$rustc" --edition 2021 -O -L "$library" -l static=rustheap \
	-o "$work/boxes" "$source" >"$work/said" 2>&1; then
	sed 's/^/# /' "$work/said"
	echo "1..1"
	echo "not ok 1 - the example can be built"
	exit 1
fi
"$work/boxes"
