#!/bin/sh
# Give the fuzz targets to libFuzzer, with ASan and UBSan, one after the other.
# Prints TAP.
#
#   tests/fuzz/fuzz.sh TARGET ...         from `make fuzz`, with its variables
#
#   $top_builddir/fuzz/fuzz_NAME          the program
#   $top_builddir/fuzz/NAME/              inputs found so far
#   $top_builddir/fuzz/NAME-crash-...     an input that fails
# shellcheck disable=SC2086 # these are lists
set -u
cd "$top_srcdir" || exit 1
out=$top_builddir/fuzz
mkdir -p "$out" || exit 1

# What a target needs beside base and the functional machine.
parts_of() {
    case $1 in
    walk) echo tests/sim/oracle.c ;;
    tlb)
        echo tests/sim/script.c tests/sim/processor.c tests/sim/oracle.c \
            tests/sim/oracle_cpu.c
        ;;
    map) echo src/pmm/memmap*.c ;;
    pmm) echo src/hw/lock.c src/pmm/*.c ;;
    heap) echo src/hw/lock.c src/heap/*.c ;;
    trace)
        echo src/memtwin/trace_header.c src/memtwin/trace_check.c \
            src/memtwin/trace_read.c src/memtwin/trace_cut.c \
            src/memtwin/lines.c src/memtwin/number.c src/memtwin/text.c
        ;;
    esac
}
build() { # target
    $FUZZ_CC -std=gnu11 -D_GNU_SOURCE -g -O2 -w -Isrc -Itests $FUZZ_FLAGS \
        -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
        -fsanitize-coverage-ignorelist=tests/fuzz/untraced.list \
        -o "$out/fuzz_$1" tests/fuzz/fuzz_"$1".c tests/fuzz/fail.c \
        $(parts_of "$1") $(printf '%s\n' $FUZZ_SOURCES | grep '\.c$') $FUZZ_LIBS
}

echo "1..$#"
number=0
status=0
for target; do
    number=$((number + 1))
    if ! build "$target" >"$out/$target.log" 2>&1; then
        if ! echo 'int LLVMFuzzerTestOneInput(void){return 0;}' |
            $FUZZ_CC -fsanitize=fuzzer -xc -o /dev/null - 2>/dev/null; then
            echo "ok $number - $target # SKIP $FUZZ_CC has no libFuzzer" \
                "(apt install clang libclang-rt-14-dev)"
            continue
        fi
        echo "not ok $number - $target can be built"
        sed 's/^/# /' "$out/$target.log" | head -20
        status=1
        continue
    fi
    mkdir -p "$out/$target"
    if "$out/fuzz_$target" -max_total_time="$FUZZ_SECONDS" -max_len=4096 \
        -timeout=60 -print_final_stats=1 -artifact_prefix="$out/$target-" \
        "$out/$target" "tests/data/fuzz/$target" >"$out/$target.log" 2>&1; then
        echo "ok $number - $target:" \
            "$(sed -n 's/.*number_of_executed_units: *//p' "$out/$target.log")" \
            "inputs in $FUZZ_SECONDS seconds"
    else
        echo "not ok $number - $target, see $out/$target.log"
        grep -E "^$target: |ERROR|Test unit written" "$out/$target.log" |
            sed 's/^/# /' | head -20
        status=1
    fi
done
exit $status
