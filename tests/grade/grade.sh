#!/bin/sh
# What memtwin-grade says about good and bad submissions.
. "${srcdir:-.}/tests/grade/tap.sh"

submit 1-frames "$dir/reference"
starter 1-frames "$dir/starter"

run --format json 1-frames "$dir/reference"
[ $code -eq 0 ] && scores 100.0
ok "the product itself has 100 points"
grep -q '"schema": "memtwin-grade/v1"' "$dir/out"
ok "the result names its schema"
run --format json 1-frames "$dir/starter"
[ $code -eq 0 ] && scores 0.0
ok "the starter has no points, and a result"
run --format json 1-frames "$dir"
[ $code -eq 0 ] && scores 0.0 && has 'this file is missing'
ok "a file that was not handed in is named"
mkdir "$dir/broken"
cp "$dir/reference/memmap.c" "$dir/broken"
echo 'int x = ;' >"$dir/broken/bitmap.c"
run --format json 1-frames "$dir/broken"
[ $code -eq 0 ] && scores 0.0 && has 'bitmap.c:1:9: error'
ok "what the compiler says is in the result"
run --only a_frame_cannot_be_freed_twice 1 "$dir/reference"
[ $code -eq 0 ]
ok "--only runs one test, and says by its status that it passed"
run --only a_frame_cannot_be_freed_twice 1 "$dir/starter"
[ $code -eq 1 ]
ok "--only says by its status that the test failed"
if
	run --debug a_frame_cannot_be_freed_twice 1 "$dir/reference"
	[ $code -eq 0 ]
then
	program=$(cut -d' ' -f1 "$dir/out")
	"$program" a_frame_cannot_be_freed_twice >"$dir/said"
	[ $? -eq 0 ] && grep -q passed "$dir/said"
	ok "--debug puts test and submission into one program"
	if command -v gdb >/dev/null; then
		gdb -q -batch -ex 'break bitmap_free_frame' -ex run -ex bt --args \
			"$program" a_frame_cannot_be_freed_twice >"$dir/out" 2>&1
		grep -q '^#0 .*bitmap_free_frame.*bitmap.c:' "$dir/out" &&
			grep -q 'a_frame_cannot_be_freed_twice.*public.c:' "$dir/out" ||
			show
		ok "a backtrace leads from the test into the submission"
	else
		skip "a backtrace leads from the test into the submission" "no gdb"
	fi
	rm -rf "${program%/*}"
else
	show
	ok "--debug puts test and submission into one program"
	skip "a backtrace leads from the test into the submission" "no program"
fi
# Weights: a test that is worth nothing, one that is all, and lines that are none.
printf 'category robustness 3\n2 robustness a_frame_cannot_be_freed_twice\n' \
	>"$dir/weights"
run --format json --weights "$dir/weights" 1 "$dir/reference"
[ $code -eq 0 ] && scores 100.0 && [ "$(grep -c '"name"' "$dir/out")" -eq 1 ]
ok "--weights says which tests there are, and shares make 100 points"
for line in 'category robustness' '2 unknown a_test' '-1 robustness a_test'; do
	echo "$line" >>"$dir/weights"
	run --weights "$dir/weights" 1 "$dir/reference"
	[ $code -eq 2 ] && [ ! -s "$dir/out" ] &&
		grep -q "weights:3: '$line' is none of" "$dir/err" || show
	ok "a line of weights that is none is named: $line"
	sed -i '$d' "$dir/weights"
done
run --weights "$dir/none" 1 "$dir/reference"
[ $code -eq 2 ] && grep -q "$dir/none" "$dir/err"
ok "weights that are not there are named"
run --format classroom50-tests 1
[ $code -eq 0 ] && has 'classroom50/tests/v1' && has '"points"'
ok "the tests of a lab for Classroom 50 need no submission"
run --format json 1
[ $code -eq 2 ] && grep -q 'a lab and a submission are wanted' "$dir/err"
ok "a result needs one"
# What a student reads.
mkdir "$dir/wrong"
cp "$dir/reference/memmap.c" "$dir/wrong"
sed 's/return MM_NOT_ALLOCATED;/return MM_OK;/' "$dir/reference/bitmap.c" \
	>"$dir/wrong/bitmap.c"
run --only a_frame_cannot_be_freed_twice 1 "$dir/wrong"
[ $code -eq 1 ] && has 'expected   MM_NOT_ALLOCATED' && has 'seen       MM_OK' &&
	has 'pmm_free(frame 0x' && has 'hint:' && has 'Look at the bit'
ok "a failure says what was done, expected and seen, and hints"
why=
command -v patch >/dev/null || why="patch is missing: apt install patch"
[ -d "$labs/instructor" ] || why="this copy has no labs/instructor"
if [ -z "$why" ]; then
	submit 2-four-levels "$dir/two"
	patch=$labs/instructor/mutants/V05.patch
	file=$(sed -n 's,^+++ b/src/vmm/,,p' "$patch")
	chmod u+w "$dir/two"/*
	[ -f "$dir/two/$file" ] && patch -s "$dir/two/$file" "$patch"
	run --only an_unmapped_page_faults_and_gives_its_frame 2 "$dir/two"
	[ $code -eq 1 ] && has 'the TLB remembers a translation that nobody flushed' &&
		has 'not present <- P is 0' && has 'vmm_unmap_leaf(space 0, 0x'
	ok "a forgotten flush is told with the entries as they are"
else
	skip "a forgotten flush is told with the entries as they are" "$why"
fi

# Budgets count instructions: a detour of 20000 turns is seen, a short one is not.
slow=half_of_memory_free_makes_a_request_no_long_search
for turns in 100 20000; do
	sed "s/^static bool bitmap_alloc(.*/&\\
    for (volatile int i = 0; i < $turns; i++) {\\
    }/" "$dir/reference/bitmap.c" >"$dir/wrong/bitmap.c"
	run --only $slow 1 "$dir/wrong"
	if grep -q 'not judged' "$dir/out"; then
		skip "a budget of instructions, $turns turns" "this host cannot count"
	elif [ $turns -lt 20000 ]; then
		[ $code -eq 0 ] || show
		ok "$turns turns more are within the budget of instructions"
	else
		[ $code -eq 1 ] && has 'more instructions than its budget'
		ok "$turns turns more are not within the budget of instructions"
	fi
done

# As anybody: what only root can give is missing, and the result says so.
grader=$memtwin
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	memtwin=setpriv
	set -- --reuid=65534 --regid=65534 --clear-groups "$grader"
	chmod -R a+rX "$dir"
	mkdir -m 777 "$dir/tmp"
else
	set --
fi
if [ $# -eq 0 ] || setpriv --reuid=65534 --regid=65534 --clear-groups \
	test -r kit/stamp -a -r "$labs/1-frames/lab.conf"; then
	TMPDIR=$dir/tmp
	[ -d "$TMPDIR" ] && export TMPDIR || unset TMPDIR
	run "$@" --only a_frame_cannot_be_freed_twice 1 "$dir/reference"
	[ $code -eq 0 ] &&
		has 'protection missing on this host: a user of its own (needs root)'
	ok "an ordinary user can grade, and is told what protection is missing"
	unset TMPDIR
else
	skip "an ordinary user can grade" "this build folder is closed to others"
fi
memtwin=$grader
run --only no_such_test 1 "$dir/reference"
[ $code -eq 2 ] && grep -q "'no_such_test' is no test of lab 1-frames" "$dir/err"
ok "a test that does not exist is named"
run 7 "$dir/reference"
[ $code -eq 2 ] && grep -q "'7' is no lab" "$dir/err"
ok "a lab that does not exist is named"
finish
