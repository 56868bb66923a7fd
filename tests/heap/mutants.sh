#!/bin/sh
# A test of the tests: seeded mistakes of the heap classes, each of which a test
# of heaps must notice.  Prints TAP; `make mutants-heap`.
#
#   mutants/list --sed--> FILE.o, in front of libmm.a:
#       test_heap_model, the class alone, shorter; then the shared suites of heaps
#
# tests/heap/mutants.sh [NAME ...]   default: all of the list
# From make: TWIN_COMPILE, HOST_LINK, HOST_OBJECTS, HOST_LIBS, MODEL_OBJECTS,
# MODEL_LIBS; paths are relative to the build folder.
# shellcheck disable=SC2086 # these are lists
set -u
list=$top_srcdir/tests/heap/mutants/list

cd "$top_builddir" || exit 1
if [ -n "${TEST_COUNTS-}" ]; then
    echo "1..0 # SKIP a build that counts would count the mistakes"
    exit 0
fi
work=$(mktemp -d ./mutant-heap.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT

names() {
    sed -n '/^#/d; s/^[^|]*|\([^|]*\)|.*/\1/p' "$list"
}
field() { # of the line of $name; the last one may have bars in it
    sed -n "s/^\([^|]*\)|$name|\([^|]*\)|\(.*\)/\\$1/p" "$list"
}
build() { # file, sed expression
    rm -rf "$work/heap" "$work"/*.o
    mkdir "$work/heap" && sed "$2" "$top_srcdir/src/heap/$1" >"$work/heap/$1"
    changed=$(diff "$top_srcdir/src/heap/$1" "$work/heap/$1" | grep -c '^<')
    if [ "$changed" -ne 1 ]; then
        echo "$changed lines of $1 are changed by: $2"
        return 1
    fi
    $TWIN_COMPILE -w -c -o "$work/mutant.o" "$work/heap/$1" &&
        $HOST_LINK -o "$work/model" $MODEL_OBJECTS "$work/mutant.o" \
            $MODEL_LIBS
}
failed() { # program: prints the first test that failed; the rest in $work/said
    CK_FORK=yes timeout 120 "$1" >"$work/said" 2>&1 && return
    sed -n 's/^not ok [0-9]* - [^:]*:[^:]*:\([a-z0-9_]*\):.*/\1/p' \
        "$work/said" | sed -n 1p
}
suites() {
    sed -n 's/.*suite_create("\(heap[^"]*\)").*/\1/p' \
        "$top_srcdir"/tests/twin/test_heap*.c
}
noticed_by() { # class
    CK_RUN_CASE=$1 HEAP_MODEL_OPS=40000 CK_DEFAULT_TIMEOUT=20 \
        failed "$work/model" >"$work/by"
    [ -s "$work/by" ] && sed 's/^/test_heap_model /' "$work/by" && return
    $HOST_LINK -o "$work/twin_host" $HOST_OBJECTS "$work/mutant.o" $HOST_LIBS
    suites | while read -r suite; do
        CK_RUN_SUITE=$suite CK_DEFAULT_TIMEOUT=20 failed "$work/twin_host" \
            >"$work/by"
        [ -s "$work/by" ] && echo "$suite: $(cat "$work/by")" && break
    done
}

number=0
status=0
[ $# -gt 0 ] || set -- $(names)
echo "1..$(($# + 1))"
for name; do
    number=$((number + 1))
    if ! build "$(field 2)" "$(field 3)" >"$work/said" 2>&1; then
        echo "not ok $number - $name can be built"
        sed 's/^/#   /' "$work/said"
        status=1
        continue
    fi
    by=$(noticed_by "$(field 1)")
    if [ -n "$by" ]; then
        echo "ok $number - $name is noticed by $by"
    else
        echo "not ok $number - $name is noticed"
        status=1
    fi
done
# Without a mistake nothing is noticed.
number=$((number + 1))
if HEAP_MODEL_OPS=40000 CK_FORK=yes tests/heap/test_heap_model >"$work/said"; then
    echo "ok $number - the product passes"
else
    grep '^not ok' "$work/said" | sed 's/^/# /'
    echo "not ok $number - the product passes"
    status=1
fi
exit $status
