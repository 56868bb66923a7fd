#!/bin/sh
# A test of the tests: seeded mistakes of the heap classes, each of which a test
# of heaps must notice.  `make mutants-heap`.
#
#   heap.list --sed--> FILE.o, in front of libmm.a:
#       test_heap_model, the class alone, shorter; then the shared suites of heaps
#
# tests/mutants/heap.sh [NAME ...]   default: all of the list
# From make: TWIN_COMPILE, HOST_LINK, HOST_OBJECTS, HOST_LIBS, MODEL_OBJECTS,
# MODEL_LIBS; paths are relative to the build folder.
# shellcheck disable=SC2086 # these are lists
set -u
. "$top_srcdir/tests/mutants/common.sh"
skip_where_counted
list=$top_srcdir/tests/mutants/heap.list
source=$top_srcdir/src/heap
begin mutant-heap

export HEAP_MODEL_OPS=40000

build() { # file, sed expression
    rm -rf "$work/heap" "$work"/*.o
    copy_with_one_line_changed "$source/$1" "$2" "$work/heap/$1" || return
    $TWIN_COMPILE -w -c -o "$work/mutant.o" "$work/heap/$1" &&
        $HOST_LINK -o "$work/model" $MODEL_OBJECTS "$work/mutant.o" $MODEL_LIBS
}
suites() {
    sed -n 's/.*suite_create("\(heap[^"]*\)").*/\1/p' \
        "$top_srcdir"/tests/twin/test_heap*.c
}
noticed_by() { # class: prints the suite and the first test that failed
    if ! patiently env CK_RUN_CASE="$1" "$work/model" >"$work/said" 2>&1; then
        echo "test_heap_model $(first_failed "$work/said")"
        return
    fi
    $HOST_LINK -o "$work/twin_host" $HOST_OBJECTS "$work/mutant.o" $HOST_LIBS
    suites | while read -r suite; do # names of several words
        if ! patiently env CK_RUN_SUITE="$suite" "$work/twin_host" \
            >"$work/said" 2>&1; then
            echo "$suite: $(first_failed "$work/said")"
            break
        fi
    done
}

for name in ${*:-$(names_in "$list")}; do
    if ! build "$(field "$list" "$name" 2)" "$(field "$list" "$name" 4-)" \
        >"$work/said" 2>&1; then
        verdict 1 "$name can be built" "$work/said"
        continue
    fi
    by=$(noticed_by "$(field "$list" "$name" 3)")
    [ -n "$by" ]
    verdict $? "$name is noticed${by:+ by $by}"
done
# Without a mistake nothing is noticed.
tests/heap/test_heap_model >"$work/said"
verdict $? "the product passes" "$work/said"
finish
