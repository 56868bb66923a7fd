#!/bin/sh
# The example of doc/simulator.md is tests/sim/example.c, is built by the page's own
# command, and prints what the page says.  Prints TAP.
set -u
page=$top_srcdir/doc/simulator.md
program=$top_builddir/tests/sim/example

block() { # language: the first block of it after the example's heading
    sed -n '/^## In a program of your own/,$p' "$page" |
        sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" | sed '1d; /^```$/,$d'
}
same() { # number, name, file that was expected, file that is
    if diff "$3" "$4" >"$work/diff"; then
        echo "ok $1 - $2"
    else
        echo "not ok $1 - $2"
        sed 's/^/#   /' "$work/diff"
        status=1
    fi
}

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
status=0
echo 1..3
block c >"$work/source"
same 1 "the page shows the program that is compiled" \
    "$top_srcdir/tests/sim/example.c" "$work/source"
block text | tr '\n' ' ' | tr -s ' ' >"$work/expected"
"$program" | tr '\n' ' ' | tr -s ' ' >"$work/seen"
same 2 "it prints what the page says" "$work/expected" "$work/seen"

# Objects that count or sanitize want more than the page's command.
if [ -n "${INSTRUMENTED-}" ] || [ ! -f "$top_builddir/libmm.a" ]; then
    echo "ok 3 - the page's command builds it # SKIP another kind of build"
    exit $status
fi
command=$(sed -n 's/^cc \(.*tests\/sim\/example.c.*\)/\1/p' "$page" |
    sed "s|build/|$top_builddir/|g; s|-Isrc|-I$top_srcdir/src|
         s| tests/sim| $top_srcdir/tests/sim|")
# shellcheck disable=SC2086 # a list of words
if ${HOST_LINK-cc} -o "$work/example" $command >"$work/said" 2>&1 &&
    "$work/example" | tr '\n' ' ' | tr -s ' ' | cmp - "$work/expected"; then
    echo "ok 3 - the page's command builds it"
else
    echo "not ok 3 - the page's command builds it"
    sed 's/^/#   /' "$work/said"
    status=1
fi
exit $status
