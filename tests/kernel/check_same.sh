#!/bin/sh
# The kernel's runner says of every test what the C library's Check says, word
# for word, in the same order.
set -u
: "${top_srcdir:=.}" "${top_builddir:=.}"
folder=$top_builddir/tests/kernel
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sh "$top_srcdir/tools/qemu-run" -a sample "$folder/twin-kernel" \
    >"$work/kernel.all"
if grep -q '^1\.\.0 # SKIP' "$work/kernel.all"; then
    cat "$work/kernel.all"
    exit 0
fi
echo 1..1
"$folder/sample_host" >"$work/host.all"
for on in host kernel; do
    grep '^1\.\.' "$work/$on.all" >"$work/$on"
    grep -E '^(not )?ok' "$work/$on.all" >>"$work/$on"
done
name=the_runner_of_the_kernel_reports_as_check_does
if [ -s "$work/host" ] && diff "$work/host" "$work/kernel" >"$work/diff"; then
    echo "ok 1 - $name ($(grep -c ok "$work/host") tests)"
else
    echo "not ok 1 - $name"
    sed 's/^/# /' "$work/diff"
    exit 1
fi
