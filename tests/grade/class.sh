#!/bin/sh
# A class of N (300): the product, mutants, attacks, and builds that fail, mixed;
# broken off half-way, and gone on with.  Prints what one takes, and how many a
# minute that is; make check-class runs it.
. "${srcdir:-.}/tests/grade/tap.sh"
count=${CLASS_SIZE:-300}
jobs=${CLASS_JOBS:-2}
attacks=${srcdir:-.}/tests/grade/attacks
mutants="P01 P10 P11 P13"

lab_of_one_file "$dir/1-frames"
full=0 none=0
hand_in() { # number, file of an attack
	student=$dir/class/s$1
	mkdir -p "$student"
	case $(($1 % 5)) in
	0 | 1)
		cp "${srcdir:-.}/src/pmm/bitmap.c" "$student"
		full=$((full + 1))
		;;
	2)
		{
			echo '#include "pmm/inside.h"'
			cat "$attacks/../attack_call.inc" "$2"
			attacked
		} >"$student/bitmap.c"
		none=$((none + 1))
		;;
	3)
		echo 'int x = ;' >"$student/bitmap.c"
		none=$((none + 1))
		;;
	4)
		set -- "$1" $mutants
		shift $((1 + $1 / 5 % 4))
		cp "${srcdir:-.}/src/pmm/bitmap.c" "$student"
		chmod u+w "$student/bitmap.c"
		patch -s "$student/bitmap.c" \
			"$labs/instructor/mutants/$1.patch"
		;;
	esac
}
if ! command -v patch >/dev/null || [ ! -d "$labs/instructor" ]; then
	echo "1..0 # SKIP the mutants need patch and labs/instructor"
	exit 0
fi
# What the starter has, by the other file's tests, is no gain.
starter 1-frames "$dir/starter"
run --format json "$dir/1-frames" "$dir/starter"
starter=$(score)
[ -n "$starter" ] && [ "${starter%.*}" -lt 50 ] || show
ok "the starter has what the files that are given have"

set -- "$attacks"/*.inc
n=0
while [ $n -lt "$count" ]; do
	hand_in $n "$1"
	[ $((n % 5)) -ne 2 ] || shift
	[ $# -gt 0 ] || set -- "$attacks"/*.inc
	n=$((n + 1))
done

# Half of it; then it is told to end.
mkfifo "$dir/lines"
start=$(date +%s)
"$memtwin" --jobs "$jobs" "$dir/1-frames" "$dir/class" >"$dir/lines" &
grader=$!
n=0
{
	while [ $n -lt $((count / 2)) ] && read -r line; do
		n=$((n + 1))
	done
	kill -TERM $grader
	n=$((n + $(cat | wc -l)))
} <"$dir/lines"
wait $grader
[ $? -gt 128 ]
ok "a grader can be ended in the middle of a class"

run --jobs "$jobs" "$dir/1-frames" "$dir/class"
seconds=$(($(date +%s) - start + 1))
again=$(wc -l <"$dir/out")
[ $code -eq 0 ] && [ $((n + again)) -le $((count + jobs)) ] &&
	[ $((n + again)) -ge "$count" ] || {
	echo "# $n, then $again of $count"
	false
}
ok "the next one goes on where it was"
[ "$(ls "$dir/class.grades" | grep -c 'json$')" -eq "$count" ]
ok "$count submissions have a result each"
got=$(grep -c ',good,100.000' "$dir/class.grades/grades.csv")
[ "$got" -eq $full ] || { echo "# $got of $full"; false; }
ok "the product has all points, every time, and nobody else has"
got=$(cut -d, -f3 "$dir/class.grades/grades.csv" |
	awk -v most="$starter" '$1 <= most' | wc -l)
[ "$got" -ge $none ] || {
	echo "# $got of $none"
	cut -d, -f1-3 "$dir/class.grades/grades.csv" | sed "s/^/# /"
	false
}
ok "attacks and broken builds have no more than the starter"
head -n 1 "$dir/class.grades/mistakes.txt" | grep -q '^ *[0-9]*  build' &&
	grep -q '^ *[0-9]*  P13' "$dir/class.grades/mistakes.txt" || {
	sed 's/^/# /' "$dir/class.grades/mistakes.txt"
	false
}
ok "the most common mistakes are told, with those of the mutants"
times >"$dir/times"
sed -n 2p "$dir/times" | tr 'ms' '  ' | awk -v count="$count" -v jobs="$jobs" \
	-v seconds="$seconds" '{ cpu = $1 * 60 + $2 + $3 * 60 + $4
	printf "# %d submissions, %d at a time: %d s, %d a minute; %.2f CPU seconds each\n",
		count, jobs, seconds, count * 60 / seconds, cpu / count }'
finish
