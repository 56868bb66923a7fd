#!/bin/sh
# Every way in which a kernel can end gets its own verdict from tools/qemu-run,
# and only one of them is "pass".
set -u
: "${top_srcdir:=.}" "${top_builddir:=.}"
run=$top_srcdir/tools/qemu-run
kernel=$top_builddir/tests/kernel/twin-kernel
said=$(mktemp)
trap 'rm -f "$said"' EXIT

number=0 bad=0

# ends NAME STATUS PATTERN [qemu-run's ARGUMENT]...
# The run exits with STATUS and some line of it matches PATTERN.
ends() {
    name=$1 status=$2 pattern=$3
    shift 3
    number=$((number + 1))
    sh "$run" "$@" >"$said"
    seen=$?
    if [ $seen -eq "$status" ] && grep -q -- "$pattern" "$said"; then
        echo "ok $number - $name"
    else
        bad=1
        echo "not ok $number - $name"
        printf '# exit status %s, expected %s; no line like: %s\n' \
            "$seen" "$status" "$pattern"
        sed 's/^/#   /' "$said"
    fi
}

# verdict NAME PATTERN: as ends(), and it is the one "Bail out!" line.
verdict() {
    name=$1 pattern=$2
    shift 2
    ends "$name" 1 "^Bail out! $pattern" "$@"
}

sh "$run" -a suite=base "$kernel" >"$said"
if grep -q '^1\.\.0 # SKIP' "$said"; then
    cat "$said"
    exit 0
fi
echo "1..12"

ends all_tests_passed_is_the_only_good_end 0 \
    '^# \([0-9]*\) of \1 tests passed$' -a suite=base "$kernel"
ends a_failed_test_is_a_failed_run 1 \
    '^not ok 2 - .*this_one_misbehaves: asked for' -a fail=assert "$kernel"
verdict a_triple_fault_is_called_one \
    'triple fault: .* after 1 of 3 tests' -a fail=triple "$kernel"
verdict a_hang_is_stopped_and_called_one \
    'the kernel hangs: stopped after 5 s' -t 5 -a fail=hang "$kernel"
verdict an_exit_that_says_pass_too_early_is_no_pass \
    'the kernel ended early, after 1 of 3 tests' -a fail=early "$kernel"
verdict a_panic_is_told_with_its_reason \
    'the kernel panicked, after 1 of 3 .* by fail=panic (.*misbehave.c:' \
    -a fail=panic "$kernel"
verdict an_exception_without_handlers_is_a_panic_with_its_vector \
    'the kernel panicked, .* before the kernel has trap handlers' \
    -a fail=trap "$kernel"
verdict a_pass_that_contradicts_its_tests_is_no_pass \
    'the kernel says that all passed, but 1 of 3' -a 'fail=assert lie' "$kernel"
verdict a_selection_of_nothing_is_no_pass \
    'no test of that name' -a suite=none "$kernel"
verdict an_unknown_word_is_refused_by_name \
    'the kernel does not know the word sweet=base' -a 'suite=base sweet=base' \
    "$kernel"
verdict a_file_that_is_no_kernel_is_the_fault_of_no_test \
    'QEMU could not run the kernel' "$run"
verdict a_processor_without_no_execute_is_refused_in_a_sentence \
    'the kernel panicked, before the plan.*no no-execute pages (NX)' \
    "$kernel" -cpu max,nx=off
exit $bad
