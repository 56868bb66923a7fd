#!/bin/sh
# The shared suites in QEMU.
#
# A build that counts coverage gets its counts through the debug console.
set -u
: "${top_srcdir:=.}" "${top_builddir:=.}"
run=$top_srcdir/tools/qemu-run
kernel=$top_builddir/tests/kernel/twin-kernel

if [ -n "${TEST_COUNTS:-}" ] && [ -d "$TEST_COUNTS" ]; then
    set -- -debugcon "file:$TEST_COUNTS/qemu_twin.counts" \
        -global isa-debugcon.iobase=0xe9
fi
exec sh "$run" -t 3000 "$kernel" "$@"
