#!/bin/sh
# Are the labs fair, and do they see?  Prints TAP.
#
#   reference   the product's own files                    100 points
#   variant     another correct way, labs/instructor/variants 100 points
#   mutant      a mistake, labs/instructor/mutants          loses points
#   starter     what students begin with                    0 points
#
# tests/labs/graded.sh [all | reference N | ID ...]   default: reference and starter of
# each lab and GRADED of the mutants (1), drawn by MUTANTS_SEED (1).
# "reference N": N times each, with other seeds.  `make graded` tries all and
# prints which tests of the lab noticed what.
set -u
labs=$top_srcdir/labs
overlay=$labs/instructor
grade=$top_builddir/memtwin-grade

. "$top_srcdir/tests/mutants/common.sh"
[ -d "$overlay" ] || skip "this copy has no labs/instructor"
command -v patch >/dev/null || skip "patch is missing: apt install patch"
begin graded-lab

all_labs="1-frames 2-four-levels 3-faults 4-spaces 5-heap"

files_of() { # lab: lines "NAME FLOOR/NAME.c"
    sed -n 's/^\(file\|given\) \([^ ]*\) replaces \(.*\)/\2 \3/p' \
        "$labs/$1/lab.conf"
}
submission() { # lab: the product's files in $work/in
    rm -rf "$work/in" && mkdir "$work/in" || return
    files_of "$1" | while read -r name replaces; do
        cp "$top_srcdir/src/$replaces" "$work/in/$name" &&
            chmod u+w "$work/in/$name" || exit 1
    done
}
grade() { # lab, seed
    echo "$2" >"$work/salt"
    "$grade" --salt-file "$work/salt" --student "$2" "$1" "$work/in" \
        >"$work/said" 2>&1
}
has_all() {
    grep -q '^score 100.0 of 100.0$' "$work/said"
}
judges_all() { # lab: a test of the weights whose script is missing would not count
    [ "$(grep -cE '^(passed|not judged) ' "$work/said")" = \
        "$(grep -c '^[0-9]' "$labs/$1/weights")" ]
}
failed_tests() {
    sed -n 's/^FAILED *[0-9.]* of *[0-9.]* *//p' "$work/said"
}
reference() { # lab, seed
    submission "$1" && grade "$1" "$2" && has_all && judges_all "$1"
    verdict $? "the reference of $1 has all points (seed $2)"
    failed_tests | sed 's/^/#   /'
}
# The lab whose files hold the one that a patch changes: the one it names.
lab_of() { # patch
    n=$(sed -n '/^---/q; s/^lab: //p' "$1")
    for lab in $all_labs; do
        case $lab in "$n"-*) echo "$lab" ;; esac
    done
}
name_in() { # lab, patch: what the lab calls the file that the patch changes
    [ -n "$1" ] || return
    path=$(sed -n 's/^+++ b\/src\///p' "$2")
    files_of "$1" | sed -n "s|^\([^ ]*\) $path\$|\1|p"
}
change() { # lab, patch: $work/in with it
    submission "$1" && patch -s "$work/in/$(name_in "$1" "$2")" <"$2"
}
mutant() { # ID
    patch=$overlay/mutants/$1.patch
    lab=$(lab_of "$patch")
    bug=$(sed -n '/^---/q; s/^bug: //p' "$patch")
    if [ -z "$(name_in "$lab" "$patch")" ]; then
        verdict 0 "$1 $bug # SKIP no lab has this file"
        return
    fi
    change "$lab" "$patch" >"$work/said" 2>&1 && grade "$lab" "$1" &&
        ! has_all && grep -q '^FAILED' "$work/said" &&
        ! grep -q '^build: \(refused\|compiler\|missing\|linker\)' "$work/said"
    verdict $? "$1 $bug: loses points in $lab"
    failed_tests | sed 's/^/#   /'
}
variant() { # ID
    patch=$overlay/variants/$1.patch
    lab=$(lab_of "$patch")
    change "$lab" "$patch" >"$work/said" 2>&1 && grade "$lab" "$1" && has_all
    verdict $? "$1 keeps all points in $lab: $(sed -n \
        '/^---/q; s/^way: //p' "$patch")"
    failed_tests | sed 's/^/#   /'
}
starter() { # lab
    rm -rf "$work/in" && mkdir "$work/in" || return
    sh "$labs/make-starters" "$labs/$1" "$work/in" >"$work/said" 2>&1 &&
        grade "$1" 1 && grep -q '^score 0.0 of 100.0$' "$work/said" &&
        grep -q 'not implemented: lab' "$work/said"
    verdict $? "the starter of $1 builds, has no points and says what to do"
}
ids() { # mutants or variants
    for file in "$overlay/$1"/*.patch; do
        [ ! -f "$file" ] || basename "$file" .patch
    done
}

case ${1-} in
reference)
    for lab in $all_labs; do
        for seed in $(seq "$2"); do
            reference "$lab" "$seed"
        done
    done
    ;;
all | '')
    for lab in $all_labs; do
        reference "$lab" 1
        starter "$lab"
    done
    if [ "${1-}" = all ]; then
        for id in $(ids variants); do
            variant "$id"
        done
        chosen=$(ids mutants)
    else
        chosen=$(ids mutants | draw "${GRADED-1}" "${MUTANTS_SEED-1}")
    fi
    for id in $chosen; do
        mutant "$id"
    done
    ;;
*)
    for id in "$@"; do
        if [ -f "$overlay/variants/$id.patch" ]; then
            variant "$id"
        else
            mutant "$id"
        fi
    done
    ;;
esac
finish
