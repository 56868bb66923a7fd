#!/bin/sh
# The programs with threads once more, with ThreadSanitizer looking on: what two threads
# touch without the lock between them is a data race and fails.  So does the
# same program with the lock of a single processor.  Prints TAP.
#
# From make: HOST_LINK, HOST_LIBS, INSTRUMENTED.
# shellcheck disable=SC2086 # these are lists
set -u
cd "$top_builddir" || exit 1
src=$top_srcdir
work=$(mktemp -d ./mutant-tsan.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT

libs=
for word in $HOST_LIBS; do
    case $word in -*) libs="$libs $word" ;; esac
done
build() { # program, folder looked into first, floor
    $HOST_LINK -O1 -fsanitize=thread -I"$2" -I"$src/src" -I"$src/tests" \
        -o "$1" "$src"/src/base/*.c "$src/src/hw/lock.c" \
        "$src/src/$3"/*.c "$src"/src/sim/ram*.c \
        "$src/tests/threads/test_$3_threads.c" \
        "$src/tests/threads/machine_threads.c" $libs
}
skip() {
    echo "1..0 # SKIP $1"
    exit 0
}

if [ -n "$INSTRUMENTED" ]; then
    skip "a build with $INSTRUMENTED has its own instruments"
fi
echo 'int main(void) { return 0; }' >"$work/empty.c"
$HOST_LINK -fsanitize=thread -o "$work/empty" "$work/empty.c" \
    >"$work/said" 2>&1 && "$work/empty" >>"$work/said" 2>&1 ||
    skip "programs with ThreadSanitizer do not run here"

status=0
verdict() { # good?, number, name
    if [ "$1" -eq 0 ]; then
        echo "ok $2 - $3"
    else
        echo "not ok $2 - $3"
        grep -E 'not ok|WARNING|#[0-3] |error' "$work/said" | head -n 20 |
            sed 's/^/#   /'
        status=1
    fi
}

echo 1..4
mkdir "$work/hw"
sed 's/processors > 1 /processors > 64 /' "$src/src/hw/lock.h" \
    >"$work/hw/lock.h"
! cmp -s "$src/src/hw/lock.h" "$work/hw/lock.h" &&
    mutated=yes

number=0
try() { # floor, what it hands out
    build "$work/threads" "$src/src" "$1" >"$work/said" 2>&1 &&
        "$work/threads" >"$work/said" 2>&1
    verdict $? $((number += 1)) "threads that use $2 race for nothing"
    [ -n "${mutated-}" ] &&
        build "$work/mutant" "$work" "$1" >"$work/said" 2>&1 && {
        CK_RUN_CASE="several processors" CK_FORK=no "$work/mutant" \
            >"$work/said" 2>&1
        grep -q 'WARNING: ThreadSanitizer: data race' "$work/said"
    }
    verdict $? $((number += 1)) "with the lock of a single processor they do"
}
try pmm frames
try heap blocks
exit $status
