#!/bin/sh
# The ISO image on a UEFI machine (OVMF): `make check-uefi`, some 20 seconds.
# Its map has holes at 8 MiB, runtime services, and what GRUB made of it.
set -u
: "${top_srcdir:=.}" "${top_builddir:=.}"
run=$top_srcdir/tools/qemu-run
kernel=$top_builddir/tests/kernel/twin-kernel
memtwin=$top_builddir/memtwin
trace=$top_srcdir/tests/data/demo.trace.xz
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
bad=0

why_not=${KERNEL_WHY_NOT:-${UEFI_WHY_NOT:-}}
[ -n "$TEST_QEMU" ] || why_not='QEMU is missing: apt install qemu-system-x86'
if [ -n "$why_not" ]; then
    echo "1..0 # SKIP no UEFI machine: $why_not"
    exit 0
fi

# A QEMU with that firmware; what it writes to its variables is forgotten.
cat >"$dir/qemu" <<END
#!/bin/sh
exec '$TEST_QEMU' -M q35 \\
    -drive if=pflash,format=raw,readonly=on,file=$OVMF/OVMF_CODE_4M.fd \\
    -drive if=pflash,format=raw,snapshot=on,file=$OVMF/OVMF_VARS_4M.fd "\$@"
END
chmod +x "$dir/qemu"
TEST_QEMU=$dir/qemu

verdict() { # NUMBER NAME FAILED
    if [ "$3" = 0 ]; then
        echo "ok $1 - $2"
    else
        bad=1
        echo "not ok $1 - $2"
        sed 's/^/#   /' "$dir/said"
    fi
}

echo 1..3
failed=0
sh "$top_srcdir/tools/make-iso" -a suite=boot -m "$0" "$kernel" "$dir/iso" \
    >"$dir/said" 2>&1 && sh "$run" -c -m 256 "$dir/iso" >"$dir/said" &&
    grep -q '^# boot: by multiboot2$' "$dir/said" || failed=1
verdict 1 a_kernel_with_a_module_starts_on_uefi $failed
failed=0
grep -q '^# boot: map 0x[0-9a-f]* 0x[0-9a-f]* 3$' "$dir/said" &&
    grep -q '^# boot: map 0x80[0-9a-f]* 0x[0-9a-f]* 4$' "$dir/said" || failed=1
verdict 2 the_map_is_one_of_uefi $failed

failed=0
"$memtwin" run --save-module "$dir/module" "$trace" >"$dir/said" 2>&1 &&
    sh "$top_srcdir/tools/make-iso" -m "$dir/module" \
        "$top_builddir/src/boot/memtwin-kernel" "$dir/iso" >"$dir/said" 2>&1 &&
    "$memtwin" run --on both --qemu "$dir/qemu" --iso "$dir/iso" "$trace" \
        >"$dir/said" 2>&1 &&
    grep -q '^The two machines came to the same state' "$dir/said" || failed=1
verdict 3 a_replay_on_uefi_equals_that_on_the_simulator $failed
exit $bad
