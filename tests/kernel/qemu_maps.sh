#!/bin/sh
# Memory of odd sizes, and more than any boot loader's first tables show: the
# kernel finds the map that the simulator gives a PC of that size, and both
# count the same frames in it.
set -u
: "${top_srcdir:=.}" "${top_builddir:=.}"
run=$top_srcdir/tools/qemu-run
kernel=$top_builddir/tests/kernel/twin-kernel
memtwin=$top_builddir/memtwin
test=memset_fills_every_byte_and_no_more
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
number=0 bad=0

sizes='8 37 129 1000 3071 3583 3585 4097 5120 66000 1033216'
# More than this machine has is sparse.
boot() { # MIB [qemu-run's ARGUMENT]...
    mib=$1
    shift
    sh "$run" -m "$mib" -a test=$test "$kernel" \
        -object "memory-backend-ram,id=ram,size=${mib}M,reserve=off" \
        -machine memory-backend=ram "$@" >"$dir/said"
}

verdict() { # NAME FAILED
    number=$((number + 1))
    if [ "$2" = 0 ]; then
        echo "ok $number - $1"
    else
        bad=1
        echo "not ok $number - $1"
        sed 's/^/#   /' "$dir/said"
        diff "$dir/kernel" "$dir/sim" | sed 's/^/#   /'
    fi
}

# As `memtwin maps` prints it, from what the kernel said: its map as a file, and
# its own figures in place of the last line.
by_kernel() {
    while read -r hash boot kind base len type; do
        [ "$hash $boot $kind" = '# boot: map' ] &&
            printf '%016x %016x %d\n' $((base)) $((base + len - 1)) "$type"
    done <"$dir/said" >"$dir/pc"
    (cd "$dir" && "$memtwin" maps pc) | sed '$d'
    sed -n 's/^# boot: below/  below/p' "$dir/said"
}

boot 32
if grep -q '^1\.\.0 # SKIP' "$dir/said"; then
    cat "$dir/said"
    exit 0
fi
memtwin=$(cd "$(dirname "$memtwin")" && pwd)/memtwin
set -- $sizes
echo 1..$(($# + 1))
for mib in $sizes; do
    failed=0
    boot "$mib" || failed=1
    by_kernel >"$dir/kernel"
    "$memtwin" maps --ram "${mib}M" >"$dir/sim" || failed=1
    cmp -s "$dir/kernel" "$dir/sim" || failed=1
    verdict "a_pc_of_${mib}_mib_has_the_frames_that_the_simulator_gives_it" \
        $failed
done

failed=0
boot 614400 -cpu qemu64 && failed=1
grep -q 'panic: the direct map of this memory map needs more boot tables' \
    "$dir/said" || failed=1
verdict more_memory_than_the_boot_tables_can_show_is_told $failed
exit $bad
