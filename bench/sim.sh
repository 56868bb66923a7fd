#!/bin/sh
# make bench-sim: the guest's loops in QEMU first, three times, then the same
# ones here.
#
#     bench/sim.sh BENCH_SIM GUEST-KERNEL
#
# From make: TEST_QEMU, KERNEL_WHY_NOT.  Without QEMU its column is left out.
set -u
bench=$1 kernel=$2
figures=$(mktemp) || exit 1
trap 'rm -f "$figures"' EXIT
trap 'exit 1' INT TERM

for _ in 1 2 3; do
    sh "$top_srcdir/tools/qemu-run" -m 128 -t 120 "$kernel" >>"$figures" ||
        cat "$figures"
done
grep '^1\.\.0' "$figures" | sed 1q
"$bench" "$figures"
