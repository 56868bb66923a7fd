#!/bin/sh
# doc/tlb.md shows the experiments of tests/sim/lessons.c, and what they print.
# Prints TAP.
set -u
page=$top_srcdir/doc/tlb.md
source=$top_srcdir/tests/sim/lessons.c
program=$top_builddir/tests/sim/lessons

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
status=0
number=0

# The blocks of the page as files: c.1, c.2 ..., text.1, text.2 ...
awk -v work="$work" '
    /^```(c|text)$/ { kind = substr($0, 4); n[kind]++; next }
    /^```$/ { kind = ""; next }
    kind != "" { print > (work "/" kind "." n[kind]) }' "$page"
# Not in the page: the rest of the output, and where lines were broken.
plain() {
    tr '\n' ' ' | tr -s ' '
}
verdict() { # name; the last command succeeded, or $work/why tells
    if [ $? -eq 0 ]; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        sed 's/^/#   /' "$work/why"
        status=1
    fi
}

echo 1..$(($(ls "$work" | wc -l) + 1))
for block in "$work"/c.*; do
    number=$((number + 1))
    name=$(sed -n '1s/^static void \(.*\)(void) {$/\1/p' "$block")
    sed -n "/^static void $name(void) {\$/,/^}\$/p" "$source" |
        diff "$block" - >"$work/why"
    verdict "the page shows the experiment $name as it is compiled"
done
for block in "$work"/text.*; do
    number=$((number + 1))
    name=$(sed -n '1s/^\$ lessons //p' "$block")
    sed 1d "$block" | plain >"$work/expected"
    "$program" "$name" | plain >"$work/seen"
    diff "$work/expected" "$work/seen" >"$work/why"
    verdict "$name prints what the page says"
done
number=$((number + 1))
"$program" reuse-lucky >"$work/why" && ! grep -q stale "$work/why"
verdict "a processor without a TLB shows nothing of it"
exit $status
