#!/bin/sh
# The live engine under valgrind, whose iretq ignores privilege and whose page
# faults tell no fetches: the engine pushes the host's own selectors there.
set -u
: "${top_builddir:=.}"
if ! command -v valgrind >/dev/null 2>&1; then
    echo "1..0 # SKIP valgrind is missing: apt install valgrind"
    exit 0
fi
if ! valgrind -q true >/dev/null 2>&1; then
    echo "1..0 # SKIP valgrind does not run here"
    exit 0
fi
if nm "$top_builddir/tests/sim/test_sim_host" 2>/dev/null |
    grep -q __asan_init; then
    echo "1..0 # SKIP a build with sanitizers does not run under valgrind"
    exit 0
fi
# Without its debugging information, which valgrind 3.19 can't read of clang 14.
plain=$(mktemp) || exit 1
trap 'rm -f "$plain"' EXIT
strip -g -o "$plain" "$top_builddir/tests/sim/test_sim_host" || exit 1
chmod +x "$plain"
CK_FORK=no valgrind -q --px-default=allregs-at-mem-access --log-file=/dev/null \
    "$plain"
