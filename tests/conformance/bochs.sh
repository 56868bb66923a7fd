#!/bin/sh
# The same cases in Bochs and on the functional machine: doc/conformance.md.
# Prints TAP.
#
#     tests/conformance/bochs.sh [full [SEED]]
#
# Bochs starts the guest from an ISO image.  Its RAM is no file, so the guest
# sends its records to port 0xe9 as well, which Bochs prints:
#
#     (talk of Bochs) memtwin records BYTES\n (that many bytes) (more talk)
#
# No row of rows.h may explain a difference but these: A on the way, D of a
# first page, a translation not kept.
#
# From make: KERNEL_WHY_NOT, BOCHS_WHY_NOT; paths are relative to the build
# folder.
set -u
: "${top_srcdir:=.}" "${top_builddir:=.}"
cd "$top_builddir" || exit 1
why_not=${KERNEL_WHY_NOT:-${BOCHS_WHY_NOT:-}}
if [ -n "$why_not" ]; then
    echo "1..0 # SKIP no Bochs: $why_not"
    exit 0
fi
seed=${2:-1}
rows=0x0c1 # of rows.h, as a mask
records=64 # CONF_RECORDS, in MiB

work=$(mktemp -d ./bochs.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# Protection keys are left out: Bochs asks them of supervisor pages, too, so its
# own kernel is what they would forbid; this model has none.
cat >"$work/bochsrc" <<END
cpu: model=corei7_skylake_x, ips=100000000, reset_on_triple_fault=0
clock: sync=none
megs: 2048
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path=$work/iso, status=inserted
boot: cdrom
display_library: rfb, options="timeout=0"
com1: enabled=1, mode=file, dev=$work/said
port_e9_hack: enabled=1
log: $work/log
panic: action=fatal
error: action=ignore
info: action=ignore
END

# run WORDS: $work/said, $work/ram
run() {
    rm -f "$work/said" "$work/ram"
    sh "$top_srcdir/tools/make-iso" -a "seed=$seed e9=1 $1" \
        tests/conformance/conformance-kernel "$work/iso" || return
    # Its debugger waits for a word.
    echo c | timeout 3000 bochs -q -f "$work/bochsrc" >"$work/out" 2>&1
    head=$(grep -abo 'memtwin records [0-9]*' "$work/out") || return
    text=${head#*:}
    truncate -s 2G "$work/ram" &&
        tail -c "+$((${head%%:*} + ${#text} + 2))" "$work/out" |
        head -c "${head##* }" |
            dd of="$work/ram" bs=1M seek=$records conv=notrunc status=none
}

if [ "${1-}" = full ]; then
    words="rights=0+1200000 present=0+50000 bits=500000 random=200000 \
straddle=100000 canonical=50000 window=50000 tlb=200000"
else
    words="rights=4000 present=2000 bits=4000 random=4000 straddle=4000 \
canonical=2000 window=2000 tlb=4000"
fi
if run "$words"; then
    tests/conformance/conform "$work/said" "$work/ram" 5 $rows |
        sed 's/^\(\(not \)\{0,1\}ok [0-9]* - \)/\1Bochs, /' >"$work/compared"
    cat "$work/compared"
    ! grep -q '^not ok\|^Bail' "$work/compared"
else
    echo "not ok 1 - Bochs runs the cases"
    tail -n 3 "$work/said" "$work/log" | sed 's/^/#   /'
    echo "1..1"
    exit 1
fi
