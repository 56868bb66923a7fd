#!/bin/sh
# The kernel starts on machines unlike the usual one: little memory, memory
# above 4 GiB, a processor without 1 GiB pages, another board, a module.
set -u
: "${top_srcdir:=.}" "${top_builddir:=.}"
run=$top_srcdir/tools/qemu-run
kernel=$top_builddir/tests/kernel/twin-kernel
said=$(mktemp)
trap 'rm -f "$said"' EXIT
number=0 bad=0

# starts NAME PATTERN [qemu-run's ARGUMENT]...
# All tests of the boot suite pass and some line matches PATTERN.
starts() {
    name=$1 pattern=$2
    shift 2
    number=$((number + 1))
    if sh "$run" -a suite=boot "$@" >"$said" && grep -q "$pattern" "$said"; then
        echo "ok $number - $name"
    else
        bad=1
        echo "not ok $number - $name"
        printf '# no line like: %s\n' "$pattern"
        sed 's/^/#   /' "$said"
    fi
}

sh "$run" -a suite=boot "$kernel" >"$said"
if grep -q '^1\.\.0 # SKIP' "$said"; then
    cat "$said"
    exit 0
fi
echo 1..6
starts the_kernel_starts_in_8_mib 'map 0x100000 0x6e0000 1' -m 8 "$kernel"
starts the_kernel_starts_with_memory_above_4_gib \
    'map 0x100000000 0x40000000 1' -m 4096 "$kernel"
starts the_kernel_starts_without_1_gib_pages \
    'map 0x100000000 0x40000000 1' -m 4096 "$kernel" -cpu qemu64
starts the_kernel_starts_on_a_newer_board 'map 0x100000 ' "$kernel" -M q35
starts the_kernel_starts_on_a_board_without_bios_tables 'map 0x100000 ' \
    "$kernel" -M microvm,isa-serial=on
starts a_module_is_found_where_the_boot_loader_put_it \
    "module 0x[0-9a-f]* 0x$(printf %x "$(wc -c <"$0")")\$" \
    "$kernel" -initrd "$0"
exit $bad
