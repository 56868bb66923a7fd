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

cd "$top_builddir" || exit 1
if [ -n "${TEST_COUNTS-}" ]; then
    echo "1..0 # SKIP a build that counts would count the mistakes"
    exit 0
fi
if [ ! -d "$top_srcdir/labs/instructor" ]; then
    echo "1..0 # SKIP this copy has no labs/instructor"
    exit 0
fi
if ! command -v patch >/dev/null; then
    echo "1..0 # SKIP patch is missing: apt install patch"
    exit 0
fi
work=$(mktemp -d ./mutant-lab.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT

names() {
    for file in "$list"/*.patch; do
        basename "$file" .patch
    done
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
'') chosen=$(draw "${MUTANTS-3}" "${MUTANTS_SEED-1}") ;;
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

number=1
status=0
echo "1..$((1 + $(echo "$chosen" | wc -w)))"

# The sources move on; a patch that no longer fits is found here, not by a class.
apart=$(for file in "$list"/*.patch "$list"/../variants/*.patch; do
    patch -s -f -p1 --dry-run -d "$top_srcdir" <"$file" >"$work/said" 2>&1 ||
        echo "#   $(basename "$file" .patch): $(sed -n 1p "$work/said")"
done)
if [ -z "$apart" ]; then
    echo "ok 1 - every mistake and every other way fits the source"
else
    echo "not ok 1 - every mistake and every other way fits the source"
    echo "$apart"
    status=1
fi
for id in $chosen; do
    number=$((number + 1))
    bug=$(says "$id" bug)
    test=$(says "$id" test)
    if ! build "$id" >"$work/said" 2>&1; then
        echo "not ok $number - $id can be made: $bug"
        sed 's/^/#   /' "$work/said"
        status=1
        continue
    fi
    message=$(run "$test" "$(says "$id" tlb)")
    if [ -n "$message" ]; then
        echo "ok $number - $id $bug: noticed by $test"
        echo "#   $message"
    else
        echo "not ok $number - $id $bug: noticed by $test"
        status=1
    fi
done
exit $status
