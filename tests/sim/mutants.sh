#!/bin/sh
# A test of the tests: seeded mistakes of the processor, each of which some test
# of the functional machine must notice.  Prints TAP.
#
#   mutants/list --sed--> FILE.o, in front of libsim.a:  every test program
#
# tests/sim/mutants.sh [all | NAME ...]   default: MUTANTS of them (6), drawn by
# MUTANTS_SEED (1).
# From make: SIM_COMPILE, CHECK_FLAGS, SIM_LINK, SIM_LIBS, SIM_TESTS; paths are
# relative to the build folder.
# shellcheck disable=SC2086 # these are lists
set -u
list=$top_srcdir/tests/sim/mutants/list
source=$top_srcdir/src/sim

cd "$top_builddir" || exit 1
if [ -n "${TEST_COUNTS-}" ]; then
    echo "1..0 # SKIP a build that counts would count the mistakes"
    exit 0
fi
work=$(mktemp -d ./mutant-sim.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT

names() {
    sed -n '/^#/d; s/|.*//p' "$list"
}
draw() { # how many, seed: the same ones for the same seed
    names | awk -v n="$1" -v seed="$2" 'BEGIN { srand(seed) }
        { at[NR] = $0 }
        END { for (i = 1; i <= n && i <= NR; i++) {
                  j = i + int(rand() * (NR - i + 1))
                  t = at[i]; at[i] = at[j]; at[j] = t; print at[i] } }'
}
case ${1-} in
all) chosen=$(names) ;;
'') chosen=$(draw "${MUTANTS-6}" "${MUTANTS_SEED-1}") ;;
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

mutate() { # file, sed expression: $work/sim/ is src/sim with one line changed
    rm -rf "$work/sim" "$work/tests" "$work"/*.o
    cp -R "$source" "$work/sim" && chmod -R u+w "$work/sim" &&
        sed "$2" "$source/$1" >"$work/sim/$1"
    changed=$(diff "$source/$1" "$work/sim/$1" | grep -c '^<')
    if [ "$changed" -ne 1 ]; then
        echo "$changed lines of $1 are changed by: $2"
        return 1
    fi
    case $1 in cpu.h | walk.h) mkdir "$work/tests" ;; esac
    for object in $(objects_of "$1"); do
        $SIM_COMPILE -iquote "$work" -I"$work" -w -c -o "$work/$object.o" \
            "$work/sim/$object.c" || return 1
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
killer() { # prints the first test program that fails, and the test
    for program in $SIM_TESTS; do
        objects=$(test_objects "$program") || return
        $SIM_LINK -o "$work/$program" $objects "$work"/*.o $SIM_LIBS || return
        if ! CK_FORK=${CK_FORK-yes} timeout 120 "$work/$program" \
            >"$work/said" 2>&1; then
            echo "$program $(sed -n 's/^not ok [0-9]* - [^:]*:[^:]*:\([a-z0-9_]*\):.*/\1/p' \
                "$work/said" | sed -n 1p)"
            return
        fi
    done
}

number=0
status=0
echo "1..$(echo "$chosen" | wc -l)"
for name in $chosen; do
    line=$(grep "^$name|" "$list")
    file=$(echo "$line" | cut -d'|' -f2)
    number=$((number + 1))
    if ! mutate "$file" "$(echo "$line" | cut -d'|' -f3-)" >"$work/said" 2>&1
    then
        echo "not ok $number - $name can be built"
        sed 's/^/#   /' "$work/said"
        status=1
        continue
    fi
    by=$(killer)
    if [ -n "$by" ]; then
        echo "ok $number - $name is noticed by $by"
    else
        echo "not ok $number - $name is noticed"
        status=1
    fi
done
exit $status
