#!/bin/sh
# A test of the tests: seeded mistakes of a floor, each of which the suite that is
# named for it must notice.  `make mutants-vmm` (src/vmm and src/trap), `make
# mutants-pmm`.
#
#   FLOOR.list --sed--> FILE.o, in front of libmm.a --> the suite
#
# tests/mutants/floor.sh FLOOR [NAME ...]   default: all
# From make: TWIN_COMPILE, HOST_LINK, HOST_OBJECTS, HOST_LIBS, PROGRAMS_LIBS; paths
# are relative to the build folder.
# shellcheck disable=SC2086 # these are lists
set -u
. "$top_srcdir/tests/mutants/common.sh"
skip_where_counted
list=$top_srcdir/tests/mutants/$1.list
# On the hostile TLB suites of frames say nothing.
[ "$1" = pmm ] || export TWIN_TLB=hostile
begin "mutant-$1"
shift

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
        copy_with_one_line_changed "$top_srcdir/src/$1" "$2" "$work/$1" ||
        return
    for source in $(sources_of "$1"); do
        $TWIN_COMPILE -iquote "$work" -w -c \
            -o "$work/$(basename "$source" .c).o" "$work/$source" || return
    done
}

link_for() { # suite
    case $1 in
    counts | programs)
        $HOST_LINK -o "$work/program" tests/programs/test_vmm_"$1"-*.o \
            "$work"/*.o $PROGRAMS_LIBS
        ;;
    *) $HOST_LINK -o "$work/program" $HOST_OBJECTS "$work"/*.o $HOST_LIBS ;;
    esac
}
run() { # suite
    case $1 in
    counts | programs) patiently "$work/program" ;;
    *) patiently env CK_RUN_SUITE="$1" "$work/program" ;;
    esac
}

for name in ${*:-$(names_in "$list")}; do
    suite=$(field "$list" "$name" 3)
    if ! { mutate "$(field "$list" "$name" 2)" "$(field "$list" "$name" 4-)" &&
        link_for "$suite"; } >"$work/said" 2>&1; then
        verdict 1 "$name can be built" "$work/said"
    elif run "$suite" >"$work/said" 2>&1; then
        verdict 1 "$name is noticed by $suite"
    else
        verdict 0 "$name is noticed: $(first_failed "$work/said")"
    fi
done
finish
