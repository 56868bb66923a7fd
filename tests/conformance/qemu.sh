#!/bin/sh
# The same cases in QEMU and on the functional machine: doc/conformance.md.
# Prints TAP.
#
#     tests/conformance/qemu.sh [full [SEED]]
#
# Without `full`, a seeded choice of each family, for make check, and a test of
# the test: walks that are wrong must be found by what the guest has seen.
#
# From make: TEST_QEMU, KERNEL_WHY_NOT; HOST_LINK, CONFORM_OBJECTS and
# CONFORM_LIBS build the wrong ones; paths are relative to the build folder.
# shellcheck disable=SC2086 # these are lists
set -u
: "${top_srcdir:=.}" "${top_builddir:=.}"
cd "$top_builddir" || exit 1
kernel=tests/conformance/conformance-kernel
conform=tests/conformance/conform
seed=${2:-1}

work=$(mktemp -d ./conformance.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# run WORDS [QEMU-OPTION]...: $work/said, $work/ram
run() {
    words=$1
    shift
    rm -f "$work/ram"
    sh "$top_srcdir/tools/qemu-run" -t 3000 -m 2048 -a "seed=$seed $words" \
        "$kernel" -object \
        "memory-backend-file,id=ram,size=2048M,mem-path=$work/ram,share=on" \
        -machine memory-backend=ram "$@" >"$work/said"
}

# What the guest did not get to is no result.
ran() {
    run "$@" || {
        grep -E '^(Bail out!|not ok)' "$work/said"
        exit 1
    }
    grep '^1\.\.0' "$work/said" && exit 0 # skipped, and why
    return 0
}

number=0
status=0
result() { # good?, name
    number=$((number + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $number - $2"
    else
        echo "not ok $number - $2"
        status=1
    fi
}

# compare NAME ROWS: what the guest did last, a test per family
compare() {
    "$conform" "$work/said" "$work/ram" 5 "$2" >"$work/compared" ||
        [ $? -eq 1 ] || result 1 "$1: nothing was compared"
    while IFS= read -r line; do
        case $line in
        ok\ *) result 0 "$1, ${line#ok * - }" ;;
        not\ ok\ *) result 1 "$1, ${line#not ok * - }" ;;
        1..*) ;;
        *) printf '%s\n' "$line" ;;
        esac
    done <"$work/compared"
}

# Which rows of rows.h may explain a difference, as masks.  QEMU makes two
# accesses of an exchange when there is only one processor (0x20); so it gets
# two, and one for a part of the cases.
two="-smp 2"
with_two=0x0df
with_one=0x0ff
without_1gib=0x1df

if [ "${1-}" = full ]; then
    ran "rights=0+1200000 present=0+50000 bits=0+4000000 keys=0+50000" $two
    compare "all of them" $with_two
    ran "random=1000000 straddle=500000 canonical=200000 window=200000 \
tlb=1000000" $two
    compare "seed $seed" $with_two
    ran "rights=100000 present=50000 bits=100000 random=200000 tlb=200000" \
        $two -cpu max,-pdpe1gb
    compare "no 1 GiB pages" $without_1gib
    ran "rights=100000 keys=50000 random=200000 canonical=20000 straddle=20000"
    compare "one processor" $with_one
    echo "1..$number"
    exit $status
fi

ran "rights=20000 present=10000 bits=20000 keys=20000 random=30000 \
straddle=20000 canonical=5000 window=10000 tlb=20000" $two
compare "seed $seed" $with_two

# wrong NAME, FILE, SED: the functional machine with that mistake is found out
wrong() {
    sed "$3" "$top_srcdir/src/sim/$2" >"$work/$2"
    if cmp -s "$top_srcdir/src/sim/$2" "$work/$2"; then
        echo "# nothing to change in src/sim/$2"
        result 1 "$1"
    elif ! $HOST_LINK -w -I"$top_srcdir/src" -o "$work/wrong" $CONFORM_OBJECTS \
        "$work/$2" $CONFORM_LIBS >"$work/linked" 2>&1; then
        sed 's/^/#   /' "$work/linked"
        result 1 "$1"
    else
        "$work/wrong" "$work/said" "$work/ram" 0 >"$work/compared" 2>&1
        [ $? -eq 1 ] && grep -q '^not ok' "$work/compared"
        result $? "$1"
    fi
}
wrong "a walk that takes R/W from the leaf alone is found out" walk.c \
    's/pte_has(all, PTE_WRITABLE)/pte_has(e, PTE_WRITABLE)/'
wrong "a walk that takes U/S from any level is found out" walk.c \
    's/pte_has(all, PTE_USER)/pte_has(any, PTE_USER)/'
wrong "a walk that takes XD from the leaf alone is found out" walk.c \
    's/pte_has(any, PTE_NO_EXECUTE)/pte_has(e, PTE_NO_EXECUTE)/'
wrong "a walk without reserved bits is found out" walk.c \
    's/return e\.v & must_be_zero/return 0 \& must_be_zero/'
wrong "D in every entry is found out" walk.c \
    's/added = step->after\.v/added = (step->after.v | PTE_DIRTY)/'
wrong "reserved bits asked before P are found out" walk.c \
    's/if (!pte_is_present(e))/if (!pte_is_present(e) \&\& e.v == 0)/'
wrong "an error code without W/R is found out" walk.c \
    's/? PF_WRITE : 0/? 0 : 0/'
wrong "an INVLPG that does nothing is found out" cpu_control.c \
    '/^void cpu_invlpg/,/^}/s/is_canonical(cpu, va)/false/'
wrong "an INVLPG that leaves upper entries is found out" cpu_control.c \
    '/^void cpu_invlpg/,/^}/s/tlb_drop_all(&cpu->upper.*;/(void)here;/'
wrong "a MOV to CR3 that forgets nothing is found out" cpu_control.c \
    '/^bool cpu_write_cr3/,/^}/s/!keep/false/'
wrong "a CR4.PGE that forgets nothing is found out" cpu_control.c \
    's/forget_everything(cpu);/(void)0;/'
wrong "a write through a clean translation without D is found out" cpu.c \
    's/access_writes(access) && !entry->dirty/false/'
echo "1..$number"
exit $status
