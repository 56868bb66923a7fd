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
run --only no_such_test 1 "$dir/reference"
[ $code -eq 2 ] && grep -q "'no_such_test' is no test of lab 1-frames" "$dir/err"
ok "a test that does not exist is named"
run 7 "$dir/reference"
[ $code -eq 2 ] && grep -q "'7' is no lab" "$dir/err"
ok "a lab that does not exist is named"
finish
