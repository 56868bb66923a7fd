#!/bin/sh
# A grader that ended, however it did, leaves neither files nor processes behind.
. "${srcdir:-.}/tests/grade/tap.sh"

lab_of_one_file "$dir/1-frames"
sed -i 's/^seconds .*/seconds 60/' "$dir/1-frames/lab.conf"
grep -E '^category|_freed_twice' "$labs/1-frames/weights" >"$dir/1-frames/weights"
mkdir "$dir/tmp" "$dir/class" "$dir/class/anna" "$dir/class/ben"
TMPDIR=$dir/tmp
export TMPDIR
cp "${srcdir:-.}/src/pmm/bitmap.c" "$dir/class/anna"
sed 's/^static void bitmap_init(.*/& for (;;) { }/' "${srcdir:-.}/src/pmm/bitmap.c" \
	>"$dir/class/ben/bitmap.c"
cmp -s "$dir/class/anna/bitmap.c" "$dir/class/ben/bitmap.c" && exit 99

only=a_frame_cannot_be_freed_twice
run --only $only "$dir/1-frames" "$dir/class/anna"
[ $code -eq 0 ] && [ -z "$(ls "$dir/tmp")" ]
ok "what is built is built in TMPDIR, and is gone afterwards"
TMPDIR=$dir/none run --only $only "$dir/1-frames" "$dir/class/anna"
[ $code -eq 77 ] && grep -q "$dir/none" "$dir/err" || show
ok "a TMPDIR that does not exist is named"

# Ben's loops for a minute; Anna's line says that it is his turn.
for signal in TERM INT; do
	rm -rf "$dir/class.grades" "$dir/line"
	mkfifo "$dir/line"
	# a shell has its background jobs ignore SIGINT
	"${PYTHON3:-python3}" -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$memtwin" --jobs 1 "$dir/1-frames" \
		"$dir/class" >"$dir/line" 2>"$dir/err" &
	grader=$!
	{
		read -r line
		kill -$signal $grader
		cat >/dev/null
	} <"$dir/line"
	wait $grader
	code=$?
	[ $code -gt 128 ] && [ "${line%% *}" = anna ] && [ -z "$(ls "$dir/tmp")" ] || {
		ls "$dir/tmp" | sed 's/^/# left: /'
		show
	}
	ok "SIG$signal in the middle leaves nothing behind"
	[ -s "$dir/class.grades/anna.json" ] &&
		[ ! -e "$dir/class.grades/ben.json" ]
	ok "whole results are there after SIG$signal, and no others"
done
finish
