#!/bin/sh
# A class at once: one result each, a table, the most common mistakes; and a run
# that was broken off goes on.
. "${srcdir:-.}/tests/grade/tap.sh"

# One file to compile for each.
lab_of_one_file "$dir/1-frames"
for name in anna ben cleo; do
	mkdir -p "$dir/class/$name"
	cp "${srcdir:-.}/src/pmm/bitmap.c" "$dir/class/$name"
done
# Ben's second free is not noticed; Cleo's does not compile; Dan has nothing.
sed 's/return MM_NOT_ALLOCATED;/return MM_OK;/' "${srcdir:-.}/src/pmm/bitmap.c" \
	>"$dir/class/ben/bitmap.c"
echo '}' >>"$dir/class/cleo/bitmap.c"
mkdir "$dir/class/dan"

run --jobs 2 "$dir/1-frames" "$dir/class"
[ $code -eq 0 ] && [ "$(wc -l <"$dir/out")" -eq 4 ] || show
ok "a folder of submissions is graded, a line for each"
for name in anna ben cleo dan; do
	[ -s "$dir/class.grades/$name.json" ]
	ok "$name has a result"
done
cut -d, -f1,2 "$dir/class.grades/grades.csv" | tr -d '"\r' | tail -n +2 |
	tr '\n' ' ' >"$dir/csv"
[ "$(cat "$dir/csv")" = "anna,good ben,good cleo,compiler dan,missing " ] || {
	sed 's/^/# /' "$dir/class.grades/grades.csv"
	false
}
ok "the table has everybody, and how the build went"
head -n 1 "$dir/class.grades/mistakes.txt" | grep -q '^ *2  build' &&
	grep -q '^ *1  P13' "$dir/class.grades/mistakes.txt" || {
	sed 's/^/# /' "$dir/class.grades/mistakes.txt"
	false
}
ok "the mistakes of the week are counted, the most common first"

run --jobs 2 "$dir/1-frames" "$dir/class"
[ $code -eq 0 ] && [ ! -s "$dir/out" ] || show
ok "what has a result is not graded again"
rm "$dir/class.grades/anna.json"
echo '/* now with a comment */' >>"$dir/class/ben/bitmap.c"
run --jobs 2 "$dir/1-frames" "$dir/class"
[ $code -eq 0 ] && [ "$(wc -l <"$dir/out")" -eq 2 ] || show
ok "what is missing or was handed in again is graded"

if command -v parallel >/dev/null && parallel --version 2>/dev/null |
	grep -q '^GNU'; then
	mv "$dir/class.grades" "$dir/apart"
	mkdir "$dir/class.grades"
	ls "$dir/class" | parallel --will-cite -j2 "$memtwin" --format json \
		--student '{}' --output "$dir/class.grades/{}.json" "$dir/1-frames" \
		"$dir/class/{}" 2>/dev/null
	run --jobs 1 "$dir/1-frames" "$dir/class"
	[ $code -eq 0 ] && [ ! -s "$dir/out" ] &&
		cmp -s "$dir/class.grades/grades.csv" "$dir/apart/grades.csv" || show
	ok "results that GNU parallel made are taken, and the table is the same"
else
	skip "results that GNU parallel made are taken" "GNU parallel is missing"
fi

run --jobs 0 1 "$dir/class"
[ $code -eq 2 ] && grep -q -- '--jobs is a number' "$dir/err"
ok "a number of jobs that is none is refused"
run --jobs 2 "$dir/1-frames" "$dir/nothing"
[ $code -eq 2 ]
ok "a folder that does not exist is refused"
finish
