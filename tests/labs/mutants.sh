#!/bin/sh
# A test of the tests: each mistake of labs/instructor/mutants, made in a copy of
# the source, has to be noticed by the test that is named for it.  Prints TAP.
#
#   ID.patch --patch--> FILE.c --TWIN_COMPILE--> FILE.o, in front of libmm.a
#
# tests/labs/mutants.sh [all | ID ...]   default: MUTANTS of them (3), drawn by
# MUTANTS_SEED (1).  `make mutants` tries all and prints who noticed what.
# From make: TWIN_COMPILE, HOST_LINK, HOST_OBJECTS, HOST_LIBS; paths are relative
# to the build folder.
# shellcheck disable=SC2086 # these are lists
set -u
list=$top_srcdir/labs/instructor/mutants
. "$top_srcdir/tests/mutants/common.sh"
skip_where_counted
[ -d "$list" ] || skip "this copy has no labs/instructor"
command -v patch >/dev/null || skip "patch is missing: apt install patch"
begin mutant-lab

names() {
    for file in "$list"/*.patch; do
        basename "$file" .patch
    done
}
case ${1-} in
all) chosen=$(names) ;;
'') chosen=$(names | draw "${MUTANTS-3}" "${MUTANTS_SEED-1}") ;;
*) chosen=$* ;;
esac

says() { # ID, word: what its head says
    sed -n "/^---/q; s/^$2: //p" "$list/$1.patch"
}
build() { # ID: the shared suites with the mistake in $work/twin_host
    file=$(sed -n 's/^+++ b\///p' "$list/$1.patch")
    rm -rf "$work/src" && mkdir -p "$work/$(dirname "$file")" &&
        cp "$top_srcdir/$file" "$work/$file" && chmod u+w "$work/$file" &&
        patch -s -p1 -d "$work" <"$list/$1.patch" &&
        $TWIN_COMPILE -w -c -o "$work/mutant.o" "$work/$file" &&
        $HOST_LINK -o "$work/twin_host" $HOST_OBJECTS "$work/mutant.o" \
            $HOST_LIBS
}
run() { # suite/test, TLB: prints why the test failed, if it did
    TWIN_TLB=$2 CK_RUN_SUITE=${1%/*} CK_FORK=yes CK_DEFAULT_TIMEOUT=20 \
        "$work/twin_host" >"$work/said" 2>&1
    sed -n "s/^not ok [0-9]* - [^:]*:[^:]*:${1#*/}: \(.*\)/\1/p" "$work/said" |
        sed -n 1p
}

# The sources move on; a patch that no longer fits is found here, not by a class.
for file in "$list"/*.patch "$list"/../variants/*.patch; do
    patch -s -f -p1 --dry-run -d "$top_srcdir" <"$file" >"$work/said" 2>&1 ||
        echo "$(basename "$file" .patch): $(sed -n 1p "$work/said")"
done >"$work/apart"
[ ! -s "$work/apart" ]
verdict $? "every mistake and every other way fits the source" "$work/apart"

for id in $chosen; do
    bug=$(says "$id" bug)
    test=$(says "$id" test)
    if ! build "$id" >"$work/said" 2>&1; then
        verdict 1 "$id can be made: $bug" "$work/said"
        continue
    fi
    message=$(run "$test" "$(says "$id" tlb)")
    [ -n "$message" ]
    verdict $? "$id $bug: noticed by $test"
    [ -z "$message" ] || echo "#   $message"
done
finish
