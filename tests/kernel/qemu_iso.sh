#!/bin/sh
# The same kernels from an ISO image, by GRUB and multiboot2 on a BIOS machine:
# they find the same map, pass the same tests and come to the same state.
set -u
: "${top_srcdir:=.}" "${top_builddir:=.}"
run=$top_srcdir/tools/qemu-run
kernel=$top_builddir/tests/kernel/twin-kernel
memtwin=$top_builddir/memtwin
trace=$top_srcdir/tests/data/demo.trace.xz
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
number=0 bad=0

if [ -n "${ISO_WHY_NOT:-}" ]; then
    echo "1..0 # SKIP no ISO image: $ISO_WHY_NOT"
    exit 0
fi
sh "$run" -a suite=pmm_init -m 64 "$kernel" >"$dir/pvh"
if grep -q '^1\.\.0 # SKIP' "$dir/pvh"; then
    cat "$dir/pvh"
    exit 0
fi

verdict() { # NAME FAILED FILE...
    number=$((number + 1)) name=$1 failed=$2
    shift 2
    if [ "$failed" = 0 ]; then
        echo "ok $number - $name"
    else
        bad=1
        echo "not ok $number - $name"
        sed 's/^/#   /' "$@"
    fi
}
iso() { # ARGUMENT of make-iso...
    sh "$top_srcdir/tools/make-iso" "$@" "$dir/iso" >"$dir/said" 2>&1
}

echo 1..5
failed=0
iso -a suite=boot -m "$0" "$kernel" &&
    sh "$run" -c -m 64 "$dir/iso" >"$dir/said" &&
    grep -q '^# boot: by multiboot2$' "$dir/said" &&
    grep -q "^# boot: module 0x[0-9a-f]* 0x$(printf %x "$(wc -c <"$0")")\$" \
        "$dir/said" || failed=1
verdict a_kernel_with_a_module_starts_by_multiboot2 $failed "$dir/said"

failed=0
iso -a suite=pmm_init "$kernel" &&
    sh "$run" -c -m 64 "$dir/iso" >"$dir/multiboot2" || failed=1
for way in pvh multiboot2; do
    sed -n '/^# boot: by /d; /^# boot: /,$p' "$dir/$way" >"$dir/$way.said"
done
diff "$dir/pvh.said" "$dir/multiboot2.said" >"$dir/said" || failed=1
verdict map_reservations_and_tap_are_the_same_as_by_pvh $failed "$dir/said"

# both [OPTION]...: both machines come to one digest, which it prints.
both() {
    "$memtwin" run --on both --ram 256M --qemu "$TEST_QEMU" "$@" "$trace" \
        >"$dir/said" 2>&1 &&
        grep -q '^The two machines came to the same state' "$dir/said" &&
        grep '^digest ' "$dir/said"
}
failed=0
"$memtwin" run --save-module "$dir/module" "$trace" &&
    iso -m "$dir/module" "$top_builddir/src/boot/memtwin-kernel" || failed=1
both --iso "$dir/iso" >"$dir/by_iso" || failed=1
verdict a_replay_from_the_image_equals_that_on_the_simulator $failed "$dir/said"
both >"$dir/by_pvh" || failed=1
cmp -s "$dir/by_iso" "$dir/by_pvh" || failed=1
verdict its_digest_is_that_of_a_kernel_started_by_pvh $failed \
    "$dir/by_iso" "$dir/by_pvh"

failed=0
"$memtwin" run --on qemu --qemu "$TEST_QEMU" --iso "$dir/iso" \
    --ops 1000 "$trace" >"$dir/said" 2>&1 && failed=1
grep -Eq '^memtwin: .*/iso has a module of [0-9]+ bytes, that of this trace has [0-9]+; make it anew with --save-module and tools/make-iso$' \
    "$dir/said" || failed=1
verdict an_image_of_another_trace_is_refused $failed "$dir/said"
exit $bad
