#!/bin/sh
# Stepping through the kernel: what doc/debugging.md shows, word for word; then
# the same commands on the host and over QEMU's gdb stub, and the same backtrace
# from the page fault handler into the line that touched the page.
set -u
: "${top_srcdir:=.}" "${top_builddir:=.}"
dir=$(mktemp -d "${TMPDIR:-/tmp}/memtwin-gdb.XXXXXX") || exit 99
trap 'rm -rf "$dir"' EXIT
tests=0

if [ -z "${TEST_GDB:-}" ]; then
    echo "1..0 # SKIP gdb is missing: apt install gdb"
    exit 0
fi
if ! "$TEST_GDB" -q -nx -batch -ex 'python print("yes")' 2>&1 | grep -q yes
then
    echo "1..0 # SKIP this gdb has no Python"
    exit 0
fi

# Containers may forbid ptrace().
if ! "$TEST_GDB" -q -nx -batch -ex run --args true 2>&1 |
    grep -q 'exited normally'
then
    echo "1..0 # SKIP gdb may not run a program here"
    exit 0
fi

# ok NAME: the last command succeeded.
ok() {
    status=$?
    tests=$((tests + 1))
    [ $status -eq 0 ] || printf 'not '
    echo "ok $tests - $1"
    [ $status -eq 0 ] || sed 's/^/# /' "$out" | tail -n 60
}

has() {
    grep -qE -e "$1" "$out"
}

# The first page fault of all: the heap's first page, while mm_init() runs.
commands() {
    cat <<'END'
continue
backtrace
mm walk 0x444444440000
finish
mm walk 0x444444440000
mm tlb
mm frames
mm heap
mm events
disable
tbreak machine_stop
continue
mm check
set variable 'machine.c'::mm.space.stats.tables++
mm check
set variable 'machine.c'::mm.space.stats.tables--
mm check
END
}

# names FILE: the functions from the handler to the one that faulted.
names() {
    sed -n 's/^#[0-9]* *\(0x[0-9a-f]* in \)\{0,1\}\([a-z_<][a-z_ ]*>\{0,1\}\).*/\2/p' \
        "$1" | sed -n 's/^_*\(mem[a-z]*\).*/\1/; 1,5p'
}

check() { # MACHINE
    has '^#0 .*vmm_fault'
    ok "$1: a breakpoint in the page-fault handler is met"
    has '^#3 .*<signal handler called>' && has '^#4 '
    ok "$1: the backtrace goes on into the code that touched the page"
    has 'PML4E \[136\].*not present'
    ok "$1: mm walk shows the entry that ends the walk"
    has 'PTE +\[ 64\].*shows 0x[0-9a-f]+, writable, kernel, no execute'
    ok "$1: after the fault mm walk shows the new page"
    has '^frames: [0-9]+ total = [0-9]+ reserved \+ 4 allocated'
    ok "$1: mm frames counts the page and its three tables"
    has '^heap slab: 0x444444440000 \.\. 0x444444459000'
    ok "$1: mm heap shows the heap's range"
    has 'EVENT_VMM_MAPS +0x444444440000'
    ok "$1: mm events names what was done"
    [ "$(grep -c '^everything is sound' "$out")" -eq 2 ] &&
        has '^not sound: there are not as many page tables as were counted'
    ok "$1: mm check finds all sound, a wrong counter, all sound again"
}

# --- the words of the document -----------------------------------------------

out=$dir/document
{
    sed -n '/^## A page fault/,/^## The same/s/^(gdb) //p' \
        "$top_srcdir/doc/debugging.md"
    echo "mm walk zzz"
} >"$dir/document.gdb"
timeout 60 "${MAKE:-make}" -s -C "$top_builddir" debug \
    <"$dir/document.gdb" >"$out" 2>&1
has '#0 .*vmm_fault' && has '#3 .*<signal handler called>' && has '^#4 '
ok "make debug: the commands of doc/debugging.md show a page fault"
has 'mm walk zzz: No symbol "zzz"' && ! has 'Python|Traceback'
ok "make debug: mm walk of no address is answered in one line"

# --- the simulated machine ---------------------------------------------------

out=$dir/host
{ echo "break vmm_fault"; commands | sed 's/^continue$/run/'; } >"$dir/host.gdb"
CK_FORK=no CK_RUN_SUITE=trap "$TEST_GDB" -q -nx -batch \
    -x "$top_srcdir/tools/gdb/mm.py" -x "$dir/host.gdb" \
    "$top_builddir/tests/twin_host" >"$out" 2>&1 </dev/null
check sim
has '^0x200000[0-9a-f]* 2 MiB -> 0x[0-9a-f]* W--G'
ok "sim: mm tlb shows what the processor remembers"

# --- QEMU --------------------------------------------------------------------

kernel=$top_builddir/tests/kernel/twin-kernel
why=
[ -z "${KERNEL_WHY_NOT:-}" ] || why="no kernel: $KERNEL_WHY_NOT"
[ -n "${TEST_QEMU-qemu-system-x86_64}" ] ||
    why="QEMU is missing: apt install qemu-system-x86"
if [ -n "$why" ]; then
    tests=$((tests + 1))
    echo "ok $tests - qemu: the same commands # SKIP $why"
else
    out=$dir/qemu
    {
        echo "set remotetimeout 120" # a busy machine is no broken one
        echo "target remote | exec ${TEST_QEMU-qemu-system-x86_64}" \
            "-kernel $kernel -append suite=trap -accel tcg -cpu max -m 32" \
            "-display none -nodefaults -no-reboot -serial null -monitor none" \
            "-device isa-debug-exit,iobase=0xf4,iosize=4 -S -gdb stdio"
        # No page is mapped yet: a software breakpoint can't be written.
        echo "hbreak vmm_fault"
        commands
    } >"$dir/qemu.gdb"
    timeout -k 10 300 "$TEST_GDB" -q -nx -batch -x "$top_srcdir/tools/gdb/mm.py" \
        -x "$dir/qemu.gdb" "$kernel" >"$out" 2>&1 </dev/null
    check qemu
    has 'QEMU does not show its TLB'
    ok "qemu: mm tlb says what it can show"
    names "$dir/host" >"$dir/host.names"
    names "$out" >"$dir/qemu.names"
    cmp -s "$dir/host.names" "$dir/qemu.names" && [ -s "$dir/host.names" ]
    ok "both backtraces name the same functions"
    [ $status -eq 0 ] || diff "$dir/host.names" "$dir/qemu.names" | sed 's/^/# /'
fi
echo "1..$tests"
