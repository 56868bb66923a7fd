#!/bin/sh
# The kernel's runner says of every test what the C library's Check says, word
# for word, in the same order: of a sample that fails in every way it can, and
# of the shared suites.
set -u
: "${top_srcdir:=.}" "${top_builddir:=.}"
folder=$top_builddir/tests/kernel
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0 bad=0

in_kernel() {
    sh "$top_srcdir/tools/qemu-run" "$@" "$folder/twin-kernel" \
        >"$work/kernel.all"
    if grep -q '^1\.\.0 # SKIP' "$work/kernel.all"; then
        cat "$work/kernel.all"
        exit 0
    fi
}

# same NAME: the tests of host.all and kernel.all are the same, and some.
same() {
    number=$((number + 1))
    for on in host kernel; do
        grep -E '^(not )?ok ' "$work/$on.all" >"$work/$on"
    done
    if [ -s "$work/host" ] && diff "$work/host" "$work/kernel" >"$work/diff"
    then
        echo "ok $number - $1"
        echo "# $(grep -c . "$work/host") tests"
    else
        bad=1
        echo "not ok $number - $1"
        sed 's/^/# /' "$work/diff"
    fi
}

in_kernel -a sample
echo 1..2
"$folder/sample_host" >"$work/host.all"
same every_way_to_fail_reads_the_same_from_both_runners

# Both have just run, the log of either is kept (tests/kernel/local.mk).  After
# the shared suites the kernel goes on with those of its own machine.
cp "$top_builddir/tests/twin_host.log" "$work/host.all"
cp "$folder/qemu_twin.log" "$work/kernel.all"
shared=$(grep -cE '^(not )?ok ' "$work/host.all")
grep -E '^(not )?ok ' "$work/kernel.all" | head -n "$shared" >"$work/cut"
mv "$work/cut" "$work/kernel.all"
same every_shared_test_ends_the_same_on_both_machines
exit $bad
