#!/bin/sh
# A test of the tests: seeded mistakes of the processor, each of which some test
# of the functional machine must notice.  `make mutants-sim` tries all.
#
#   sim.list --sed--> FILE.o, in front of libsim.a:  every test program
#
# tests/mutants/sim.sh [all | NAME ...]   default: MUTANTS of them (6), drawn by
# MUTANTS_SEED (1).
# From make: SIM_COMPILE, CHECK_FLAGS, SIM_LINK, SIM_LIBS, SIM_TESTS; paths are
# relative to the build folder.
# shellcheck disable=SC2086 # these are lists
set -u
. "$top_srcdir/tests/mutants/common.sh"
skip_where_counted
list=$top_srcdir/tests/mutants/sim.list
source=$top_srcdir/src/sim
begin mutant-sim

case ${1-} in
all) chosen=$(names_in "$list") ;;
'') chosen=$(names_in "$list" | draw "${MUTANTS-6}" "${MUTANTS_SEED-1}") ;;
*) chosen=$* ;;
esac

# The files to compile for a mutant of $1: a header counts for all that see it.
objects_of() {
    case $1 in
    walk_inside.h | walk_plain.h) echo walk ;;
    tlb.h) echo tlb ;;
    *.h) echo walk cpu cpu_access cpu_upper cpu_stale cpu_control ;;
    *) basename "$1" .c ;;
    esac
}
mutate() { # file, sed expression: $work/sim is src/sim with one line changed
    rm -rf "$work/sim" "$work/tests" "$work"/*.o
    cp -R "$source" "$work/sim" && chmod -R u+w "$work/sim" &&
        copy_with_one_line_changed "$source/$1" "$2" "$work/sim/$1" || return
    case $1 in cpu.h | walk.h) mkdir "$work/tests" ;; esac
    for object in $(objects_of "$1"); do
        $SIM_COMPILE -iquote "$work" -I"$work" -w -c -o "$work/$object.o" \
            "$work/sim/$object.c" || return
    done
}
# The objects of the test program $1; where $work/tests is, those that see the
# mutant's header, too.
test_objects() {
    for object in tests/sim/"$1"-*.o; do
        name=$(basename "${object##*-}" .o)
        if [ -d "$work/tests" ]; then
            $SIM_COMPILE $CHECK_FLAGS -iquote "$work" -I"$work" -w -c \
                -o "$work/tests/$name.o" "$top_srcdir/tests/sim/$name.c" ||
                return
            object=$work/tests/$name.o
        fi
        echo "$object"
    done
}
noticed_by() { # prints the first test program that fails, and the test
    for program in $SIM_TESTS; do
        objects=$(test_objects "$program") || return
        $SIM_LINK -o "$work/$program" $objects "$work"/*.o $SIM_LIBS || return
        if ! patiently "$work/$program" >"$work/said" 2>&1; then
            echo "$program $(first_failed "$work/said")"
            return
        fi
    done
}

for name in $chosen; do
    if ! mutate "$(field "$list" "$name" 2)" "$(field "$list" "$name" 3-)" \
        >"$work/said" 2>&1; then
        verdict 1 "$name can be built" "$work/said"
        continue
    fi
    by=$(noticed_by)
    [ -n "$by" ]
    verdict $? "$name is noticed${by:+ by $by}"
done
finish
