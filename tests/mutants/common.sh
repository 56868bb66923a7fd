# The tests of the tests: what the scripts that seed mistakes share.  A script
# sources it, and is in the build folder then.
#
#   begin --> draw --> for each: copy_with_one_line_changed, build, run --> verdict
#   --> finish
#
# It prints TAP, the plan last.
cd "$top_builddir" || exit 1
number=0
status=0

skip() { # why
    echo "1..0 # SKIP $*"
    exit 0
}
skip_where_counted() {
    [ -z "${TEST_COUNTS-}" ] ||
        skip "a build that counts would count the mistakes"
}
begin() { # name: $work is a folder of its own
    work=$(mktemp -d "./$1.XXXXXX") && work=$(cd "$work" && pwd) || exit 1
    trap 'rm -rf "$work"' EXIT
}
verdict() { # 0 for passed, sentence, [file that says more where it did not]
    number=$((number + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $number - $2"
        return
    fi
    echo "not ok $number - $2"
    [ -z "${3-}" ] || sed 's/^/#   /' "$3"
    status=1
}
finish() {
    echo "1..$number"
    exit $status
}

# A list: one mistake a line, fields between bars, the name first; '#' comments.
names_in() { # list
    sed -n '/^#/d; s/|.*//p' "$1"
}
field() { # list, name, number of the field; a last one like 4- may have bars
    grep "^$2|" "$1" | cut -d'|' -f"$3"
}
# N of the lines read: the same ones for the same seed.
draw() { # N, seed
    awk -v n="$1" -v seed="$2" 'BEGIN { srand(seed) }
        { at[NR] = $0 }
        END { for (i = 1; i <= n && i <= NR; i++) {
                  j = i + int(rand() * (NR - i + 1))
                  t = at[i]; at[i] = at[j]; at[j] = t; print at[i] } }'
}

copy_with_one_line_changed() { # file, sed expression, where to
    mkdir -p "$(dirname "$3")" && rm -f "$3" && sed "$2" "$1" >"$3" || return
    changed=$(diff "$1" "$3" | grep -c '^<')
    [ "$changed" -eq 1 ] && return
    echo "$changed lines of $1 are changed by: $2"
    return 1
}

# A mistake may be one that never ends.  Processor time tells, which a busy machine
# does not use up; half an hour is for one that only waits.
patiently() { # program ...
    (
        ulimit -t 60
        export CK_FORK=yes CK_TIMEOUT_MULTIPLIER=30
        exec timeout 1800 "$@"
    )
}
# The first test that failed, in what a test program printed.
first_failed() { # file
    sed -n 's/^not ok [0-9]* - [^:]*:[^:]*:\([a-z0-9_]*\):.*/\1/p' "$1" |
        sed -n 1p
}
