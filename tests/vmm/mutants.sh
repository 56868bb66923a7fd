#!/bin/sh
# A test of the tests: seeded mistakes of src/vmm and src/trap (or, with pmm in
# FLOOR, of src/pmm), each of which the suite that is named for it must notice.
# Prints TAP.
#
#   tests/FLOOR/mutants --sed--> FILE.o, in front of libmm.a --> the suite
#
# tests/vmm/mutants.sh [NAME ...]   default: all
# From make: TWIN_COMPILE, HOST_LINK, HOST_OBJECTS, HOST_LIBS, PROGRAMS_LIBS; paths
# are relative to the build folder.
# shellcheck disable=SC2086 # these are lists
set -u
list=$top_srcdir/tests/${FLOOR-vmm}/mutants
# On the hostile TLB suites of frames say nothing.
[ "${FLOOR-vmm}" = pmm ] || export TWIN_TLB=hostile

cd "$top_builddir" || exit 1
if [ -n "${TEST_COUNTS-}" ]; then
    echo "1..0 # SKIP a build that counts would count the mistakes"
    exit 0
fi
work=$(mktemp -d ./mutant.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT

# The files to compile for a mutant of $1: a header counts for all of its floor.
sources_of() {
    case $1 in
    *.h) (cd "$work" && echo "$(dirname "$1")"/*.c) ;;
    *) echo "$1" ;;
    esac
}

mutate() { # file, sed expression: $work/FLOOR is src/FLOOR with one line changed
    rm -rf "$work"/*/ "$work"/*.o
    cp -R "$top_srcdir/src/$(dirname "$1")" "$work" && chmod -R u+w "$work" &&
        sed "$2" "$top_srcdir/src/$1" >"$work/$1"
    changed=$(diff "$top_srcdir/src/$1" "$work/$1" | grep -c '^<')
    if [ "$changed" -ne 1 ]; then
        echo "$changed lines of $1 are changed by: $2"
        return 1
    fi
    for source in $(sources_of "$1"); do
        $TWIN_COMPILE -iquote "$work" -w -c \
            -o "$work/$(basename "$source" .c).o" "$work/$source" || return 1
    done
}

# A mistake may be one that never ends.
export CK_DEFAULT_TIMEOUT=20 CK_FORK=yes

run() { # suite: passes?
    case $1 in
    counts | programs)
        $HOST_LINK -o "$work/program" tests/programs/test_vmm_"$1"-*.o \
            "$work"/*.o $PROGRAMS_LIBS >"$work/said" 2>&1 || return 2
        "$work/program" >"$work/said" 2>&1
        ;;
    *)
        $HOST_LINK -o "$work/program" $HOST_OBJECTS "$work"/*.o $HOST_LIBS \
            >"$work/said" 2>&1 || return 2
        CK_RUN_SUITE=$1 "$work/program" >"$work/said" 2>&1
        ;;
    esac
}

number=0
status=0
chosen=${*:-$(sed -n '/^#/d; s/|.*//p' "$list")}
echo "1..$(echo "$chosen" | wc -w)"
for name in $chosen; do
    line=$(grep "^$name|" "$list")
    file=$(echo "$line" | cut -d'|' -f2)
    suite=$(echo "$line" | cut -d'|' -f3)
    number=$((number + 1))
    if ! mutate "$file" "$(echo "$line" | cut -d'|' -f4-)" >"$work/said" 2>&1
    then
        echo "not ok $number - $name can be built"
        sed 's/^/#   /' "$work/said"
        status=1
        continue
    fi
    run "$suite"
    said=$?
    if [ "$said" -ne 0 ] && [ "$said" -ne 2 ]; then
        echo "ok $number - $name is noticed: $(sed -n \
            's/^not ok [0-9]* - [^:]*:[^:]*:\([a-z0-9_]*\):.*/\1/p' \
            "$work/said" | sed -n 1p)"
    else
        echo "not ok $number - $name is noticed by $suite"
        [ "$said" -eq 2 ] && sed 's/^/#   /' "$work/said"
        status=1
    fi
done
exit $status
